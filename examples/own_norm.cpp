// A norm of one's own in place of LayerNorm, trained, saved, loaded: own_norm CORPUS MODEL
#include <aero/aero.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>

namespace {

/// Dynamic Tanh (arXiv 2503.10622): y = tanh(alpha x) weight + bias, without statistics of x.
class DynamicTanhImpl : public aero::model::PartImpl {
 public:
  explicit DynamicTanhImpl(std::int64_t width) {
    using aero::model::ParameterKind;
    // The kind decides whether weight decay touches it: optimizer.decay.norms.
    alpha_ = register_parameter("alpha", torch::full({1}, 0.5), ParameterKind::norm);
    weight_ = register_parameter("weight", torch::ones({width}), ParameterKind::norm);
    bias_ = register_parameter("bias", torch::zeros({width}), ParameterKind::norm);
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::tanh(alpha_ * x) * weight_ + bias_;
  }

 private:
  torch::Tensor alpha_, weight_, bias_;
};

class WithDynamicTanh : public aero::model::PartFactory {
 public:
  aero::model::Part make_norm(const aero::ModelConfig& config, aero::NormKind /*kind*/,
                              const aero::model::Place& /*place*/) const override {
    return std::make_shared<DynamicTanhImpl>(config.d_model);
  }
};

double held_out_loss(const aero::RunConfig& config, aero::model::Decoder& decoder) {
  return aero::train::evaluate(decoder, aero::train::open_corpus(config, "val"), {})->loss;
}

int run(const std::string& corpus, const std::filesystem::path& saved) {
  const auto config = aero::default_config(
      {"model.n_layer=2", "model.n_head=2", "model.d_model=32", "model.context=16",
       "model.vocab_size=29", "data.format=nanogpt", "data.path=" + corpus, "train.device=cpu",
       "train.duration=60", "train.batch_size=8", "optimizer.lr=1e-2"});

  aero::model::Decoder decoder(config.model, WithDynamicTanh());
  aero::model::initialize(*decoder, static_cast<std::uint64_t>(config.seed));
  const double before = held_out_loss(config, decoder);
  aero::train::Trainer trainer(config, aero::train::open_corpus(config, "train"), decoder);
  trainer.run();
  const double after = held_out_loss(config, decoder);
  std::cout << "held-out loss from " << before << " to " << after << " nats a token\n";

  // trainer.config() names the parts that are not AERO's, so that nobody takes them for AERO's.
  std::cout << trainer.config().model.own_parts << '\n';
  aero::checkpoint::save_model(saved, trainer.state().weights, trainer.config());

  const auto stored = aero::checkpoint::load_checkpoint_config(saved);
  aero::model::Decoder loaded(stored.model, WithDynamicTanh());
  aero::train::load_weights(*loaded, aero::checkpoint::load_weights(saved));
  const bool same = held_out_loss(config, loaded) == after;
  std::cout << (same ? "the loaded model computes the same\n" : "the loaded model differs\n");
  return same && after < before / 2 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: own_norm CORPUS MODEL\n";
    return 2;
  }
  try {
    return run(argv[1], argv[2]);
  } catch (const aero::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
