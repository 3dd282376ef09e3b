#pragma once

#include "aero/tokenizer/tokenizer.h"

#include "cli/torch/prompts.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace aero::cli {

enum class TextFormat { text, ids, json };

/// Writes one text after another to standard output.
class TextWriter {
 public:
  TextWriter() = default;
  virtual ~TextWriter() = default;
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  virtual void start(const Prompt& prompt, std::uint64_t seed) = 0;
  virtual void add(std::int64_t token) = 0;
  virtual void end() = 0;
};

/// Makes a writer of that format. It writes ids where there is no tokenizer, except in JSON.
std::unique_ptr<TextWriter> make_writer(TextFormat format,
                                        const std::optional<tokenizer::Tokenizer>& tokenizer);

/// Takes the tokens of texts that grow together, and writes the texts in their order. The first that
/// has not ended is written as its tokens come.
class OrderedOutput {
 public:
  /// Text i continues prompts[i] with the seed first_seed + i.
  OrderedOutput(TextWriter& writer, const std::vector<Prompt>& prompts, std::uint64_t first_seed);

  void add(std::size_t text, std::int64_t token);
  void end(std::size_t text);

 private:
  void start();

  TextWriter& writer_;
  const std::vector<Prompt>& prompts_;
  std::uint64_t first_seed_;
  std::size_t current_ = 0;
  std::vector<std::vector<std::int64_t>> waiting_;  // tokens of the texts after the current one
  std::vector<bool> ended_;
};

}  // namespace aero::cli
