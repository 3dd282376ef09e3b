#include "aero/tokenizer/tokenizer.h"

#include "bench.h"
#include "tests/support/temporary_folder.h"

#include <filesystem>

namespace aero::bench {
namespace {

/// Returns about `bytes` of text: the guides of this checkout, over and over.
std::vector<std::string> documents(std::size_t bytes) {
  std::vector<std::string> guides;
  const std::filesystem::path folder = AERO_SOURCE_DIR "/docs";
  for (const auto& name : testing_support::names_in(folder)) {
    if (name.ends_with(".md")) guides.push_back(testing_support::get(folder / name));
  }
  if (guides.empty()) throw std::runtime_error(folder.string() + " has no .md file");
  std::vector<std::string> result;
  for (std::size_t i = 0, taken = 0; taken < bytes; ++i) {
    result.push_back(guides[i % guides.size()].substr(0, bytes - taken));
    taken += result.back().size();
  }
  return result;
}

void encode(benchmark::State& state, const Sizes& sizes) {
  const auto tokenizer =
      tokenizer::Tokenizer::load(AERO_SOURCE_DIR "/tests/golden/tokenizer/tokenizer.json");
  const auto texts = documents(sizes.text);
  for ([[maybe_unused]] const auto step : state) {
    for (const auto& text : texts) benchmark::DoNotOptimize(tokenizer.encode(text));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sizes.text));
}

}  // namespace

void add_tokenizer(const Sizes& sizes) {
  add("tokenizer/encode", [=](auto& state) { encode(state, sizes); });
}

}  // namespace aero::bench
