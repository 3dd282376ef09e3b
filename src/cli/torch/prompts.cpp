#include "cli/torch/prompts.h"

#include "aero/config/json_value.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cstddef>

namespace aero::cli {
namespace {

std::string name_of(const std::string& file) {
  return file == "-" ? "standard input" : fmt::format("'{}'", file);
}

[[noreturn]] void refuse_line(const std::string& file, std::size_t index,
                              const std::string& reason) {
  throw UsageError(
      fmt::format("generate: --prompts: {}, line {}: {}", name_of(file), index + 1, reason));
}

std::string content_of(const std::string& file) {
  try {
    return read_file(file == "-" ? "/dev/stdin" : file);
  } catch (const Error& error) {
    throw UsageError(fmt::format("generate: --prompts: {}", error.what()));
  }
}

/// Splits a text into its lines. The last may lack its newline; lines may end as on Windows.
std::vector<std::string> lines_of(const std::string& content) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < content.size();) {
    const auto end = std::min(content.find('\n', start), content.size());
    lines.push_back(content.substr(start, end - start));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    start = end + 1;
  }
  return lines;
}

}  // namespace

std::vector<std::string> read_prompt_lines(const std::string& file) {
  auto lines = lines_of(content_of(file));
  if (lines.empty()) {
    throw UsageError(
        fmt::format("generate: --prompts: {} is empty; write one prompt a line", name_of(file)));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) refuse_line(file, i, "is empty; write one prompt a line");
    if (!is_utf8(lines[i])) {
      refuse_line(file, i, "is not UTF-8 text; convert the file, for example with iconv");
    }
  }
  return lines;
}

std::vector<Prompt> prompts_of_lines(const std::string& file, const std::vector<std::string>& lines,
                                     const tokenizer::Tokenizer& tokenizer,
                                     const ModelConfig& config) {
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    prompts.push_back(prompt_of_text(lines[i], tokenizer, config.vocab_size));
    const auto length = std::ssize(prompts.back().tokens);
    if (length == 0) refuse_line(file, i, "has no token of the model's tokenizer");
    if (length <= config.context) continue;
    refuse_line(file, i,
                fmt::format("has {} tokens, and the model's context holds {}; shorten the line",
                            length, config.context));
  }
  return prompts;
}

Prompt prompt_of_text(const std::string& text, const tokenizer::Tokenizer& tokenizer,
                      std::int64_t vocab_size) {
  auto tokens = tokenizer.encode(text, tokenizer::SpecialNames::text);
  const bool fits =
      std::ranges::all_of(tokens, [&](std::int64_t token) { return token < vocab_size; });
  if (fits) return {text, std::move(tokens)};
  throw UsageError(
      fmt::format("generate: the tokenizer has ids beyond the model's vocabulary of {}; it is not "
                  "the tokenizer of this model",
                  vocab_size));
}

}  // namespace aero::cli
