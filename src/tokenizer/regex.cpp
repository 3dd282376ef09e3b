#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include "regex_pattern.h"

#include <pcre2.h>

#include <cstdint>

namespace aero::tokenizer {
namespace {

template <auto Free>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CodePointer = std::unique_ptr<pcre2_code, Release<&pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Release<&pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Release<&pcre2_match_context_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Release<&pcre2_compile_context_free>>;

std::string message_of(int error) {
  std::string text(256, '\0');
  const int length =
      pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text.data()), text.size());
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

/// Raises the limits, since long texts need more memory (in KiB) and more steps than the defaults.
MatchContext generous_limits() {
  MatchContext context(pcre2_match_context_create(nullptr));
  pcre2_set_heap_limit(context.get(), 4U << 20);
  pcre2_set_match_limit(context.get(), 0xFFFFFFFFU);
  pcre2_set_depth_limit(context.get(), 0xFFFFFFFFU);
  return context;
}

}  // namespace

struct Regex::Code {
  CodePointer compiled;
};

Regex Regex::from_oniguruma(const std::string& pattern) {
  return from_pcre2(pcre2_pattern(pattern));
}

Regex Regex::from_literal(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool special = std::string_view("\\^$.[]|()?*+{}").find(c) != std::string_view::npos;
    if (special) pattern += '\\';
    pattern += c;
  }
  return from_pcre2(pattern);
}

Regex Regex::from_pcre2(const std::string& pattern) {
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePointer code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                 PCRE2_UTF | PCRE2_UCP, &error, &offset, context.get()));
  if (!code) {
    throw Error(fmt::format("pattern '{}' is not a regular expression at offset {}: {}", pattern,
                            offset, message_of(error)));
  }
  std::uint32_t can_be_empty = 0;
  pcre2_pattern_info(code.get(), PCRE2_INFO_MATCHEMPTY, &can_be_empty);
  if (can_be_empty != 0) {
    throw Error(
        fmt::format("pattern '{}' can match nothing at all, which is not supported", pattern));
  }
  // Without a just-in-time compiler for this processor, pcre2_match interprets.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return Regex(std::make_shared<const Code>(Code{std::move(code)}));
}

std::vector<Stretch> Regex::cut(std::string_view text) const {
  const pcre2_code* code = code_->compiled.get();
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const MatchData match(pcre2_match_data_create_from_pattern(code, nullptr));
  std::vector<Stretch> stretches;
  std::size_t done = 0;
  while (done < text.size()) {
    int result =
        pcre2_match(code, subject, text.size(), done, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
      result = pcre2_match(code, subject, text.size(), done, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                           match.get(), generous_limits().get());
    }
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw Error("the tokenizer's pattern failed on this text: " + message_of(result));
    }
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(match.get());
    if (found[0] > done) stretches.push_back({done, found[0], false});
    stretches.push_back({found[0], found[1], true});
    done = found[1];
  }
  if (done < text.size()) stretches.push_back({done, text.size(), false});
  return stretches;
}

}  // namespace aero::tokenizer
