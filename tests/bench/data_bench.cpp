#include "aero/core/text.h"
#include "aero/data/batch_sampler.h"
#include "aero/data/corpus.h"

#include "bench.h"
#include "tests/data/token_bytes.h"

namespace aero::bench {
namespace {

/// Gives a token file, which is made when it is first asked for and removed when the program ends.
std::filesystem::path token_file(const Sizes& sizes) {
  static const data::test::Folder folder;
  static const std::filesystem::path path = [&] {
    data::test::AeroFile file;
    file.vocab_size = static_cast<std::uint32_t>(sizes.vocabulary);
    std::int64_t state = 1;
    for (std::int64_t i = 0; i < sizes.corpus; ++i) {
      state = state * 48271 % 2147483647;  // the generator of Park and Miller
      file.tokens.push_back(state % sizes.vocabulary);
    }
    return folder.write("train.tok", file.bytes());
  }();
  return path;
}

/// Times the choice of samples, one after another.
void sampler(benchmark::State& state, const Sizes& sizes) {
  const data::BatchSampler sampler(sizes.corpus, 1);
  std::int64_t position = 0;
  for ([[maybe_unused]] const auto step : state) {
    benchmark::DoNotOptimize(sampler.indices(position, sizes.tokens));
    position += sizes.tokens;
  }
  report_rate(state, "samples/s", static_cast<double>(sizes.tokens));
}

/// Times a batch: the choice of its samples and their tokens.
void batches(benchmark::State& state, const Sizes& sizes, std::int64_t context) {
  const auto corpus = data::Corpus::open_split(token_file(sizes), "train", context,
                                               sizes.vocabulary, data::TokenFormat::aero, false);
  const data::BatchSampler sampler(corpus.size(), 1);
  const auto rows = sizes.tokens / context;
  std::int64_t position = 0;
  for ([[maybe_unused]] const auto step : state) {
    benchmark::DoNotOptimize(corpus.batch(sampler.indices(position, rows)));
    position += rows;
  }
  report_rate(state, "tokens/s", static_cast<double>(rows * context));
}

}  // namespace

void add_data(const Sizes& sizes) {
  add("data/sampler", [=](auto& state) { sampler(state, sizes); });
  for (const auto context : sizes.contexts) {
    add(fmt::format("data/batch/T={}", context),
        [=](auto& state) { batches(state, sizes, context); });
  }
}

}  // namespace aero::bench
