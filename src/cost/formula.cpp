#include "formula.h"

#include "aero/core/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace aero::cost {
namespace {

using Kind = Expression::Kind;

constexpr int max_depth = 100;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Parses by recursive descent:
///   sum     = product { ("+" | "-") product }
///   product = signed { ("*" | "/") signed }
///   signed  = "-" signed | primary [ "^" signed ]
///   primary = number | name [ "(" sum { "," sum } ")" ] | "(" sum ")"
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expression parse() {
    Expression root = sum();
    if (next() != '\0') fail("expected an operator or the end, not " + found());
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormulaError(fmt::format("at character {}: {}", at_ + 1, what));
  }

  std::string found() { return next() == '\0' ? "the end" : fmt::format("\"{}\"", text_[at_]); }

  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail(fmt::format("expected \"{}\", not {}", c, found()));
  }

  static Expression pair(Kind kind, Expression left, Expression right) {
    Expression node{.kind = kind, .number = 0, .name = {}, .parts = {}};
    node.parts.push_back(std::move(left));
    node.parts.push_back(std::move(right));
    return node;
  }

  Expression sum() {
    Expression left = product();
    while (true) {
      if (take('+')) {
        left = pair(Kind::sum, std::move(left), product());
      } else if (take('-')) {
        left = pair(Kind::difference, std::move(left), product());
      } else {
        return left;
      }
      bound_chain();
    }
  }

  Expression product() {
    Expression left = signed_power();
    while (true) {
      if (take('*')) {
        left = pair(Kind::product, std::move(left), signed_power());
      } else if (take('/')) {
        left = pair(Kind::quotient, std::move(left), signed_power());
      } else {
        return left;
      }
      bound_chain();
    }
  }

  Expression signed_power() {
    if (++depth_ > max_depth) fail("nested too deeply");
    Expression node;
    if (take('-')) {
      node.kind = Kind::negative;
      node.parts.push_back(signed_power());
    } else {
      node = primary();
      if (take('^')) node = pair(Kind::power, std::move(node), signed_power());
    }
    --depth_;
    return node;
  }

  Expression primary() {
    const char c = next();
    if (is_digit(c) || c == '.') return number();
    if (is_letter(c)) return name();
    if (!take('(')) fail("expected a number, a name or \"(\", not " + found());
    Expression inner = sum();
    expect(')');
    return inner;
  }

  Expression number() {
    Expression node;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), node.number);
    if (error != std::errc() || !std::isfinite(node.number)) fail("not a finite number");
    at_ += static_cast<std::size_t>(end - begin);
    if (at_ < text_.size() && is_letter(text_[at_])) fail("expected an operator, not " + found());
    return node;
  }

  Expression name() {
    Expression node{.kind = Kind::name, .number = 0, .name = {}, .parts = {}};
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) {
      node.name += text_[at_++];
    }
    if (!take('(')) return node;
    node.kind = Kind::call;
    if (take(')')) return node;
    do {
      node.parts.push_back(sum());
    } while (take(','));
    expect(')');
    return node;
  }

  /// Bounds the length of a chain, since its tree is as deep as the chain is long.
  void bound_chain() {
    if (++links_ > 1000) fail("too long; split it into several primitives");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int links_ = 0;
};

void collect_calls(const Expression& node, std::vector<std::string>& names) {
  if (node.kind == Kind::call &&
      std::ranges::find(builtin_functions(), node.name) == builtin_functions().end()) {
    names.push_back(node.name);
  }
  for (const Expression& part : node.parts) collect_calls(part, names);
}

void collect_names(const Expression& node, std::vector<std::string>& names) {
  if (node.kind == Kind::name) names.push_back(node.name);
  for (const Expression& part : node.parts) collect_names(part, names);
}

}  // namespace

Formula Formula::parse(const std::string& text) {
  return {text, Parser(text).parse()};
}

std::vector<std::string> Formula::calls() const {
  std::vector<std::string> names;
  collect_calls(root_, names);
  return names;
}

std::vector<std::string> Formula::names() const {
  std::vector<std::string> names;
  collect_names(root_, names);
  return names;
}

bool is_name(const std::string& text) {
  return !text.empty() && is_letter(text[0]) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

const std::vector<std::string>& builtin_functions() {
  static const std::vector<std::string> names{"ceil", "floor", "log2", "max", "min"};
  return names;
}

}  // namespace aero::cost
