#include "added_tokens.h"

#include "regex.h"
#include "unicode_additions.h"
#include "utf8.h"

#include <algorithm>

namespace aero::tokenizer {
namespace {

unsigned char first_byte(const AddedToken& token) {
  return static_cast<unsigned char>(token.content.front());
}

/// Unicode's White_Space.
bool is_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_word(std::string_view text, CodePoint c, std::size_t at) {
  static const Regex word = Regex::from_pcre2('[' + word_class() + ']');
  return word.cut(text.substr(at, c.length)).front().is_match;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0) {
    const CodePoint before = code_point_before(text, begin);
    if (is_word(text, before, begin - before.length)) return false;
  }
  return end == text.size() || !is_word(text, code_point_at(text, end), end);
}

std::size_t skip_space_back(std::string_view text, std::size_t at) {
  while (at > 0) {
    const CodePoint c = code_point_before(text, at);
    if (!is_space(c.value)) break;
    at -= c.length;
  }
  return at;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const CodePoint c = code_point_at(text, at);
    if (!is_space(c.value)) break;
    at += c.length;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), first_with_byte_(257, 0) {
  std::ranges::stable_sort(tokens_, [](const AddedToken& a, const AddedToken& b) {
    if (first_byte(a) != first_byte(b)) return first_byte(a) < first_byte(b);
    return a.content.size() > b.content.size();
  });
  for (const AddedToken& token : tokens_) ++first_with_byte_[first_byte(token) + std::size_t{1}];
  for (std::size_t i = 1; i < first_with_byte_.size(); ++i) {
    first_with_byte_[i] += first_with_byte_[i - 1];
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  const auto byte = static_cast<unsigned char>(text[at]);
  for (std::size_t i = first_with_byte_[byte]; i < first_with_byte_[byte + std::size_t{1}]; ++i) {
    if (text.compare(at, tokens_[i].content.size(), tokens_[i].content) == 0) return &tokens_[i];
  }
  return nullptr;
}

void AddedTokens::cut(std::string_view text, bool special_is_text,
                      const std::function<void(const AddedToken&)>& on_token,
                      const std::function<void(std::string_view)>& on_text) const {
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + token->content.size();
    at = end;
    if (token->special && special_is_text) continue;
    if (token->single_word && !stands_alone(text, begin, end)) continue;
    if (token->lstrip) begin = std::max(skip_space_back(text, begin), done);
    if (token->rstrip) end = skip_space(text, end);
    if (begin >= end) continue;  // blanks that the token before has taken
    if (done < begin) on_text(text.substr(done, begin - done));
    on_token(*token);
    done = end;
  }
  if (done < text.size()) on_text(text.substr(done));
}

}  // namespace aero::tokenizer
