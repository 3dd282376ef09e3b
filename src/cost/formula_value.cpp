#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include "formula.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace aero::cost {
namespace {

using Kind = Expression::Kind;

/// The dimension of a node; absent for the literal 0, which fits any.
using Found = std::optional<Dimension>;

bool is_plain(const Found& found) {
  return !found || *found == Dimension{};
}

class Checker {
 public:
  explicit Checker(const Formula::Names& names) : names_(names) {}

  Found dimension(const Expression& node) const {
    switch (node.kind) {
      case Kind::number:
        return node.number == 0 ? Found{} : Dimension{};
      case Kind::name:
        return of_name(node);
      case Kind::call:
        return of_call(node);
      case Kind::negative:
        return dimension(node.parts[0]);
      case Kind::sum:
        return alike(node, "+ adds");
      case Kind::difference:
        return alike(node, "- subtracts");
      case Kind::product:
        return product(node, 1);
      case Kind::quotient:
        return product(node, -1);
      case Kind::power:
        return power(node);
    }
    return {};
  }

 private:
  Found of_name(const Expression& node) const {
    const auto found = names_.dimensions.find(node.name);
    if (found != names_.dimensions.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, dimension] : names_.dimensions) known.push_back(name);
    throw FormulaError(
        fmt::format("unknown name \"{}\"{}", node.name, choice_hint(node.name, known)));
  }

  Found of_call(const Expression& node) const {
    const auto count = node.parts.size();
    if (node.name == "min" || node.name == "max") {
      if (count < 2) throw FormulaError(node.name + " takes two or more arguments");
      return alike(node, (node.name + " compares").c_str());
    }
    for (const Expression& part : node.parts) {
      const Found found = dimension(part);
      if (!is_plain(found)) {
        throw FormulaError(
            fmt::format("{}() takes plain numbers, not {}", node.name, dimension_text(*found)));
      }
    }
    if (std::ranges::find(builtin_functions(), node.name) == builtin_functions().end()) {
      return names_.call(node.name, count);
    }
    if (count != 1) {
      throw FormulaError(fmt::format("{} takes one argument, not {}", node.name, count));
    }
    return Dimension{};
  }

  Found alike(const Expression& node, const char* what) const {
    Found common;
    for (const Expression& part : node.parts) {
      const Found found = dimension(part);
      if (common && found && *common != *found) {
        throw FormulaError(fmt::format("{} values of one dimension, not {} and {}", what,
                                       dimension_text(*common), dimension_text(*found)));
      }
      if (found) common = found;
    }
    return common;
  }

  Found product(const Expression& node, int sign) const {
    const Found left = dimension(node.parts[0]);
    const Found right = dimension(node.parts[1]);
    if (!left || (!right && sign > 0)) return {};
    const Dimension other = right.value_or(Dimension{});
    return Dimension{left->bytes + sign * other.bytes, left->seconds + sign * other.seconds};
  }

  Found power(const Expression& node) const {
    const Found base = dimension(node.parts[0]);
    const Found exponent = dimension(node.parts[1]);
    for (const Found& found : {base, exponent}) {
      if (!is_plain(found)) {
        throw FormulaError("^ takes plain numbers, not " + dimension_text(*found));
      }
    }
    return Dimension{};
  }

  const Formula::Names& names_;
};

class Evaluator {
 public:
  explicit Evaluator(const Formula::Values& values) : values_(values) {}

  double value(const Expression& node) const {
    switch (node.kind) {
      case Kind::number:
        return node.number;
      case Kind::name: {
        const auto found = values_.names.find(node.name);
        return found != values_.names.end() ? found->second : values_.constants.at(node.name);
      }
      case Kind::call:
        return call(node);
      case Kind::negative:
        return -value(node.parts[0]);
      case Kind::sum:
        return value(node.parts[0]) + value(node.parts[1]);
      case Kind::difference:
        return value(node.parts[0]) - value(node.parts[1]);
      case Kind::product:
        return value(node.parts[0]) * value(node.parts[1]);
      case Kind::quotient:
        return value(node.parts[0]) / value(node.parts[1]);
      case Kind::power:
        return std::pow(value(node.parts[0]), value(node.parts[1]));
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  double call(const Expression& node) const {
    std::vector<double> arguments;
    for (const Expression& part : node.parts) arguments.push_back(value(part));
    // Comparisons with NaN are false, so min and max could lose it.
    const bool has_nan = std::ranges::any_of(arguments, [](double a) { return std::isnan(a); });
    if (has_nan) return std::numeric_limits<double>::quiet_NaN();
    if (node.name == "ceil") return std::ceil(arguments[0]);
    if (node.name == "floor") return std::floor(arguments[0]);
    if (node.name == "log2") return std::log2(arguments[0]);
    if (node.name == "min") return *std::ranges::min_element(arguments);
    if (node.name == "max") return *std::ranges::max_element(arguments);
    return values_.call(node.name, arguments);
  }

  const Formula::Values& values_;
};

}  // namespace

void Formula::check(const Names& names, const Dimension& expected) const {
  const Found found = Checker(names).dimension(root_);
  if (found && *found != expected) {
    throw FormulaError(
        fmt::format("gives {}; expected {}", dimension_text(*found), dimension_text(expected)));
  }
}

double Formula::value(const Values& values) const {
  return Evaluator(values).value(root_);
}

}  // namespace aero::cost
