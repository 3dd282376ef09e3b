// A training loop of one's own, without train::Trainer: own_loop CORPUS
#include <aero/aero.h>

#include <cstdint>
#include <iostream>

namespace {

constexpr std::int64_t steps = 60;
constexpr std::int64_t batch_size = 8;
constexpr double learning_rate = 1e-2;

int train(const std::string& folder) {
  const auto config = aero::default_config({"model.n_layer=2", "model.n_head=2", "model.d_model=32",
                                            "model.context=16", "model.vocab_size=29",
                                            "data.format=nanogpt", "data.path=" + folder});
  const auto corpus = aero::train::open_corpus(config, "train");
  const aero::data::BatchSampler sampler(corpus.size(), /*seed=*/1);

  aero::model::Decoder decoder(config.model);
  aero::model::initialize(*decoder, /*seed=*/1);
  const auto parameters = aero::model::parameters_of(*decoder);
  aero::train::Optimizer optimizer(config.optimizer, parameters);

  decoder->train();
  double first = 0;
  double last = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto batch = corpus.batch(sampler.indices(step * batch_size, batch_size));
    optimizer.zero_grad();
    const auto loss = decoder->loss(batch.inputs, batch.targets);
    loss.backward();
    aero::train::clip_gradients(parameters, aero::train::gradient_norm(parameters), 1.0);
    optimizer.step(learning_rate);

    last = loss.item<double>();
    if (step == 0) first = last;
    if (step % 20 == 0) std::cout << "step " << step << ", loss " << last << '\n';
  }
  std::cout << "from " << first << " to " << last << " nats a token\n";

  // On text that it was not trained on.
  const auto held_out = aero::train::open_corpus(config, "val");
  const auto evaluation = aero::train::evaluate(decoder, held_out, {});
  std::cout << "perplexity " << evaluation->perplexity() << '\n';
  return last < first / 2 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: own_loop CORPUS\n";
    return 2;
  }
  try {
    return train(argv[1]);
  } catch (const aero::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
