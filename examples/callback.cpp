// A callback that ends a run once its loss is low enough: callback CORPUS
#include <aero/aero.h>

#include <iostream>
#include <memory>

namespace {

class StopsBelow : public aero::train::Callback {
 public:
  explicit StopsBelow(double loss) : loss_(loss) {}

  void on_start(aero::train::Trainer& trainer) override {
    std::cout << "at most " << trainer.total_steps() << " steps\n";
  }
  void on_step(aero::train::Trainer& trainer, const aero::train::StepRecord& record) override {
    if (record.loss < loss_) trainer.stop(aero::train::Outcome::interrupted);
  }
  void on_finish(aero::train::Trainer& trainer, aero::train::Outcome outcome) override {
    const bool stopped = outcome == aero::train::Outcome::interrupted;
    std::cout << (stopped ? "low enough" : "not low enough") << " at step " << trainer.step()
              << '\n';
  }

 private:
  double loss_;
};

int train(const std::string& folder) {
  const auto config = aero::default_config(
      {"model.n_layer=2", "model.n_head=2", "model.d_model=32", "model.context=16",
       "model.vocab_size=29", "data.format=nanogpt", "data.path=" + folder, "train.device=cpu",
       "train.duration=200", "train.batch_size=8", "optimizer.lr=1e-2"});
  aero::train::Trainer trainer(config, aero::train::open_corpus(config, "train"));
  trainer.add(std::make_unique<aero::train::NonfiniteGuard>());
  trainer.add(std::make_unique<StopsBelow>(1.0));
  return trainer.run() == aero::train::Outcome::interrupted ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: callback CORPUS\n";
    return 2;
  }
  try {
    return train(argv[1]);
  } catch (const aero::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
