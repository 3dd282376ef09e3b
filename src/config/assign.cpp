#include "assign.h"

#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace aero {
namespace {

using Kind = JsonValue::Kind;
using Refusal = std::optional<std::string>;

std::string expected(const std::string& what, const JsonValue& value) {
  return fmt::format("expected {}, not {}", what, value.kind_text());
}

/// "an integer, at least 1"
std::string with_range(const std::string& what, const Range& range) {
  return range.text().empty() ? what : what + " " + range.text();
}

Refusal out_of_range(const Range& range, double value) {
  if (range.contains(value)) return std::nullopt;
  return range.text().empty() ? "must be a finite number" : "must be " + range.text();
}

Refusal set(const Field&, bool* flag, const JsonValue& value) {
  if (value.kind != Kind::boolean) return expected("true or false", value);
  *flag = value.boolean;
  return std::nullopt;
}

Refusal set(const Field& field, std::int64_t* number, const JsonValue& value) {
  const std::string what = with_range("an integer", field.range);
  if (value.kind != Kind::integer && value.kind != Kind::real) return expected(what, value);
  const auto integer = integer_from(value.text);
  if (!integer) {
    if (value.real != std::floor(value.real))
      return fmt::format("expected {}, not a fraction", what);
    return "does not fit into 64 bits, or is too large for a point or an exponent";
  }
  if (auto refusal = out_of_range(field.range, static_cast<double>(*integer))) return refusal;
  *number = *integer;
  return std::nullopt;
}

Refusal set(const Field& field, double* number, const JsonValue& value) {
  if (value.kind != Kind::integer && value.kind != Kind::real) {
    return expected(with_range("a number", field.range), value);
  }
  if (auto refusal = out_of_range(field.range, value.real)) return refusal;
  *number = value.real;
  return std::nullopt;
}

Refusal set(const Field&, std::string* text, const JsonValue& value) {
  if (value.kind != Kind::text) return expected("a text", value);
  if (!is_utf8(value.text)) return "is not UTF-8";
  *text = value.text;
  return std::nullopt;
}

Refusal set(const Field& field, Duration* duration, const JsonValue& value) {
  if (value.kind != Kind::text && value.kind != Kind::integer && value.kind != Kind::real) {
    return expected(R"(a duration as "1000" (steps), "20Mt" (tokens) or "1e" (epochs))", value);
  }
  Duration parsed;
  try {
    parsed = parse_duration(value.text);
  } catch (const UsageError& error) {
    // The message begins with the value, which the caller shows anyway.
    const std::string message = error.what();
    return message.substr(std::min(shortened(value.text).size() + 4, message.size()));
  }
  if (parsed.unit == DurationUnit::percent && !field.accepts_percent) {
    return "a share has no meaning here; give steps (\"1000\"), tokens (\"20Mt\") or epochs "
           "(\"1e\")";
  }
  if (auto refusal = out_of_range(field.range, parsed.amount)) return refusal;
  *duration = parsed;
  return std::nullopt;
}

Refusal set(const Field& field, std::vector<std::int64_t>* list, const JsonValue& value) {
  if (value.kind != Kind::array) return expected("a list of integers as [3, 5]", value);
  std::vector<std::int64_t> numbers;
  for (const JsonMember& member : value.members) {
    std::int64_t number = 0;
    if (const auto refusal = set(field, &number, member.value)) {
      return fmt::format("{}: {}", member.value.shown(), *refusal);
    }
    numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  *list = std::move(numbers);
  return std::nullopt;
}

Refusal set(const Field&, const EnumRef& choice, const JsonValue& value) {
  const std::vector<std::string>& names = *choice.names;
  if (value.kind != Kind::text) {
    return fmt::format("{}; one of: {}", expected("a name", value), join(names));
  }
  const auto found = std::ranges::find(names, value.text);
  if (found == names.end()) return "unknown name" + choice_hint(value.text, names);
  choice.set(static_cast<std::size_t>(found - names.begin()));
  return std::nullopt;
}

Refusal set(const Field&, const Shorthand& shorthand, const JsonValue& value) {
  if (value.kind != Kind::text) {
    return fmt::format("{}; one of: {}", expected("a name", value), join(shorthand.names));
  }
  try {
    shorthand.apply(value.text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return std::nullopt;
}

Refusal set(const Field&, const LoaderKey&, const JsonValue& value) {
  if (value.kind != Kind::text) return expected("a text", value);
  return std::nullopt;
}

/// Reads "3,5" or an empty list. A part that is not an integer stays a text, which the refusal
/// shows.
JsonValue list_from(const std::string& text) {
  JsonValue list{.kind = Kind::array, .text = text, .members = {}};
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    JsonValue member{.kind = Kind::text, .text = text.substr(start, end - start), .members = {}};
    if (const auto integer = integer_from(member.text)) {
      member.kind = Kind::integer;
      member.integer = *integer;
    }
    list.members.push_back({"", std::move(member)});
    start = end + 1;
  }
  return list;
}

}  // namespace

std::optional<std::string> assign(Field& field, const JsonValue& value) {
  return std::visit([&](const auto& target) { return set(field, target, value); }, field.value);
}

JsonValue value_from_text(const Field& field, const std::string& text) {
  if (std::holds_alternative<std::vector<std::int64_t>*>(field.value)) return list_from(text);
  JsonValue value{.kind = Kind::text, .text = text, .members = {}};
  if (std::holds_alternative<bool*>(field.value)) {
    if (text == "true" || text == "false") {
      value.kind = Kind::boolean;
      value.boolean = text == "true";
    }
  } else if (std::holds_alternative<std::int64_t*>(field.value) ||
             std::holds_alternative<double*>(field.value)) {
    if (const auto real = number_from(text)) {
      value.kind = Kind::real;
      value.real = *real;
    }
  }
  return value;
}

}  // namespace aero
