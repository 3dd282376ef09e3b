#include "aero/config/fields.h"
#include "aero/config/json_value.h"
#include "aero/config/suggest.h"

#include <cstdint>

namespace aero {
namespace {

/// Chooses a lambda by the type of a field's value.
template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

/// "3,5"
std::string list_text(const std::vector<std::int64_t>& list) {
  std::string text;
  for (const std::int64_t number : list) {
    text += (text.empty() ? "" : ",") + std::to_string(number);
  }
  return text;
}

}  // namespace

bool Range::contains(double value) const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool above = low_open ? value > low : value >= low;
  const bool below = high_open ? value < high : value <= high;
  return above && below && value > -infinity && value < infinity;
}

std::string Range::text() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (low == -infinity && high == infinity) return "";
  if (high == infinity) return (low_open ? "above " : "at least ") + number_text(low);
  if (low == -infinity) return (high_open ? "below " : "at most ") + number_text(high);
  return (low_open ? "in (" : "in [") + number_text(low) + ", " + number_text(high) +
         (high_open ? ")" : "]");
}

std::string Field::key() const {
  return path.substr(path.rfind('.') + 1);
}

std::string Field::type_text() const {
  return std::visit(
      Match{[](bool*) { return "true or false"; }, [](std::int64_t*) { return "integer"; },
            [](double*) { return "number"; }, [](std::string*) { return "text"; },
            [](Duration*) { return "duration"; },
            [](std::vector<std::int64_t>*) { return "list of integers"; },
            [](const EnumRef&) { return "name"; }, [](const Shorthand&) { return "name"; },
            [](const LoaderKey&) { return "text"; }},
      value);
}

std::string Field::value_text() const {
  return std::visit(Match{[](bool* flag) { return std::string(*flag ? "true" : "false"); },
                          [](std::int64_t* number) { return std::to_string(*number); },
                          [](double* number) { return number_text(*number); },
                          [](std::string* text) { return *text; },
                          [](Duration* duration) { return to_string(*duration); },
                          [](std::vector<std::int64_t>* list) { return list_text(*list); },
                          [](const EnumRef& choice) { return choice.names->at(choice.get()); },
                          [](const Shorthand& shorthand) { return shorthand.get(); },
                          [](const LoaderKey&) { return std::string(); }},
                    value);
}

std::string Field::choices_text() const {
  if (const auto* choice = std::get_if<EnumRef>(&value)) return join(*choice->names);
  if (const auto* shorthand = std::get_if<Shorthand>(&value)) {
    return join(shorthand->names) + (shorthand->pattern.empty() ? "" : ", ...");
  }
  if (std::holds_alternative<Duration*>(value)) {
    const std::string units =
        accepts_percent ? "steps, tokens, epochs, %" : "steps, tokens, epochs";
    return range.low_open ? units + "; above 0" : units;
  }
  return range.text();
}

}  // namespace aero
