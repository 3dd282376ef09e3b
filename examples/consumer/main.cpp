// Trains ten steps of a tiny decoder through the public API; argument: a folder to write into.
#include <aero/aero.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t steps = 10;
constexpr int vocab_size = 29;

/// nanoGPT's format, uint16 tokens and nothing else: a text in which each token follows from the
/// one before.
void write_tokens(const std::filesystem::path& file, int count) {
  std::ofstream out(file, std::ios::binary);
  for (int i = 0; i < count; ++i) {
    const auto token = static_cast<std::uint16_t>(i % vocab_size);
    out.write(reinterpret_cast<const char*>(&token), sizeof(token));
  }
}

class Losses : public aero::train::Callback {
 public:
  explicit Losses(std::vector<double>& losses) : losses_(losses) {}

  void on_step(aero::train::Trainer& /*trainer*/, const aero::train::StepRecord& record) override {
    losses_.push_back(record.loss);
  }

 private:
  std::vector<double>& losses_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder(argv[1]);
  write_tokens(folder / "train.bin", 4000);
  write_tokens(folder / "val.bin", 400);

  const auto config = aero::parse_config(R"({
    "model": { "n_layer": 2, "n_head": 2, "d_model": 32, "context": 16, "vocab_size": 29 },
    "data": { "format": "nanogpt" },
    "train": { "duration": "10", "batch_size": 8, "device": "cpu" },
    "optimizer": { "lr": 1e-2 },
    "schedule": { "name": "constant", "warmup": "0" }
  })",
                                         "consumer", {"data.path=" + folder.string()});

  std::vector<double> losses;
  aero::train::Trainer trainer(config, aero::train::open_corpus(config, "train"));
  trainer.add(std::make_unique<Losses>(losses));
  const auto outcome = trainer.run();

  for (const double loss : losses) std::cout << "loss " << loss << '\n';
  const bool starts_at_chance = !losses.empty() && std::abs(losses.front() - std::log(29)) < 0.3;
  const bool learns = !losses.empty() && losses.back() < 0.7 * losses.front();
  const bool finished = outcome == aero::train::Outcome::finished && trainer.step() == steps &&
                        losses.size() == static_cast<std::size_t>(steps);
  return finished && starts_at_chance && learns ? 0 : 1;
}
