#pragma once

#include "aero/model/generation.h"
#include "aero/tokenizer/tokenizer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aero::cli {

/// A beginning that a model continues.
struct Prompt {
  std::optional<std::string> text;  ///< nothing where the user gave ids
  model::TokenIds tokens;
};

/// Reads the lines of a text file; "-" means standard input. Throws a UsageError that names the
/// file, and the line where one is empty or not UTF-8.
std::vector<std::string> read_prompt_lines(const std::string& file);

/// Makes prompts of the lines of `file`. Throws a UsageError that names the file and the line where
/// one is longer than the context.
std::vector<Prompt> prompts_of_lines(const std::string& file, const std::vector<std::string>& lines,
                                     const tokenizer::Tokenizer& tokenizer,
                                     const ModelConfig& config);

/// Makes a prompt of a text as a corpus reads it. Throws a UsageError where the tokenizer has ids
/// beyond the vocabulary.
Prompt prompt_of_text(const std::string& text, const tokenizer::Tokenizer& tokenizer,
                      std::int64_t vocab_size);

}  // namespace aero::cli
