#include "primitive_book.h"

#include "aero/config/json_value.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

namespace aero::cost {
namespace {

const QuantityTraits& traits(Quantity quantity) {
  return quantities[static_cast<std::size_t>(quantity)];
}

std::string key_of(const std::string& primitive, Quantity quantity) {
  return fmt::format("primitives.{}.{}", primitive, traits(quantity).key);
}

std::string counted(std::size_t number, const std::string& what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string needs(const std::string& constant) {
  return fmt::format(
      "needs constants.{}, whose value is null (unknown); only rounds and seconds of primitives "
      "can be unknown",
      constant);
}

}  // namespace

Formula::Names PrimitiveBook::names_for(const std::vector<std::string>& arguments,
                                        Quantity quantity) const {
  Formula::Names names;
  for (const auto& [name, constant] : constants_) names.dimensions[name] = constant.dimension;
  for (const std::string& argument : arguments) names.dimensions[argument] = {};
  names.call = [this, quantity](const std::string& function, std::size_t count) {
    return call(function, count, quantity);
  };
  return names;
}

std::vector<std::string> known_functions() {
  std::vector<std::string> names = builtin_functions();
  for (const ProductFunction& function : product_functions()) names.emplace_back(function.name);
  return names;
}

Dimension PrimitiveBook::call(const std::string& function, std::size_t count,
                              Quantity quantity) const {
  if (find_product_function(function) != nullptr) {
    if (count == 3) return {};
    throw FormulaError(fmt::format("{}(m, k, n) takes 3 arguments, not {}", function, count));
  }
  const auto found = primitives_.find(function);
  if (found == primitives_.end()) {
    std::vector<std::string> known = known_functions();
    for (const auto& [name, primitive] : primitives_) known.push_back(name);
    throw FormulaError(
        fmt::format("unknown function \"{}\"{}", function, choice_hint(function, known)));
  }
  const PrimitiveEntry& primitive = found->second;
  if (primitive.arguments.size() != count) {
    throw FormulaError(fmt::format("{}({}) takes {}, not {}", function, join(primitive.arguments),
                                   counted(primitive.arguments.size(), "argument"), count));
  }
  quantity = primitive.called_in(quantity);
  if (!primitive.formula(quantity)) {
    throw FormulaError(fmt::format("calls {}(), which has no {}; write {}, or remove this formula",
                                   function, traits(quantity).key, key_of(function, quantity)));
  }
  return traits(quantity).dimension;
}

void PrimitiveBook::check(const CostFile& file, Faults& faults) const {
  for (const auto& [name, primitive] : primitives_) {
    for (const auto& [quantity, key, dimension] : quantities) {
      const auto& formula = primitive.formula(quantity);
      if (!formula) continue;
      try {
        formula->check(names_for(primitive.arguments, quantity), dimension);
      } catch (const FormulaError& error) {
        const std::string place = key_of(name, quantity);
        faults.add(file.source_of(place), place, quoted(formula->text()), error.what());
      }
    }
  }
  check_circles(file, faults);
}

void PrimitiveBook::check(const CostFile& file, Faults& faults, const std::string& key,
                          const Formula& formula, const std::map<std::string, Dimension>& names,
                          const Dimension& expected) const {
  Formula::Names all;
  for (const auto& [name, constant] : constants_) all.dimensions[name] = constant.dimension;
  all.dimensions.insert(names.begin(), names.end());
  all.call = [](const std::string& function, std::size_t) -> Dimension {
    throw FormulaError(fmt::format("calls {}(); only primitives can call primitives", function));
  };
  const auto refuse = [&](const std::string& why) {
    faults.add(file.source_of(key), key, quoted(formula.text()), why);
  };
  try {
    formula.check(all, expected);
  } catch (const FormulaError& error) {
    return refuse(error.what());
  }
  if (const auto constant = unknown_constant(formula); !constant.empty()) {
    refuse(needs(constant));
  }
}

std::string PrimitiveBook::unknown_constant(const Formula& formula) const {
  for (const std::string& name : formula.names()) {
    const auto found = constants_.find(name);
    if (found != constants_.end() && !found->second.value) return name;
  }
  return "";
}

bool PrimitiveBook::needs_unknown(const Formula& formula, Quantity quantity) const {
  if (!unknown_constant(formula).empty()) return true;
  return std::ranges::any_of(formula.calls(), [&](const std::string& name) {
    const auto called = primitives_.find(name);  // none for a function of the language
    return called != primitives_.end() &&
           !called->second.formula(called->second.called_in(quantity));
  });
}

void PrimitiveBook::leave_out_unknown(const CostFile& file, Faults& faults) {
  for (const auto& [name, primitive] : primitives_) {
    for (const Quantity quantity : {Quantity::bytes, Quantity::number}) {
      const auto& formula = primitive.formula(quantity);
      if (!formula) continue;
      const std::string constant = unknown_constant(*formula);
      if (constant.empty()) continue;
      const std::string place = key_of(name, quantity);
      faults.add(file.source_of(place), place, quoted(formula->text()), needs(constant));
    }
  }
  for (const Quantity quantity : {Quantity::rounds, Quantity::seconds}) {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [name, primitive] : primitives_) {
        auto& formula = primitive.formulas[static_cast<std::size_t>(quantity)];
        if (!formula || !needs_unknown(*formula, quantity)) continue;
        formula.reset();
        changed = true;
      }
    }
  }
}

void PrimitiveBook::check_circles(const CostFile& file, Faults& faults) const {
  for (const auto& [quantity, key, dimension] : quantities) {
    std::set<std::string> reported;
    for (const auto& [name, primitive] : primitives_) {
      if (reported.contains(name)) continue;
      const auto circle = circle_from(name, quantity);
      if (circle.empty()) continue;
      reported.insert(circle.begin(), circle.end());
      std::string way;
      for (const std::string& step : circle) way += step + " -> ";
      const std::string place = key_of(name, quantity);
      faults.add(file.source_of(place), place, quoted(primitive.formula(quantity)->text()),
                 fmt::format("goes in a circle: {}{}", way, name));
    }
  }
}

/// Returns the primitives on a way of calls from one back to itself; empty if there is none.
std::vector<std::string> PrimitiveBook::circle_from(const std::string& name,
                                                    Quantity quantity) const {
  std::map<std::string, std::string> caller;
  std::vector<std::string> waiting{name};
  while (!waiting.empty()) {
    const std::string current = waiting.back();
    waiting.pop_back();
    const auto found = primitives_.find(current);
    if (found == primitives_.end() || !found->second.formula(quantity)) continue;
    for (const std::string& called : found->second.formula(quantity)->calls()) {
      if (called == name) {
        std::vector<std::string> circle{current};
        while (circle.back() != name) circle.push_back(caller.at(circle.back()));
        std::ranges::reverse(circle);
        return circle;
      }
      if (caller.try_emplace(called, current).second) waiting.push_back(called);
    }
  }
  return {};
}

PrimitivePrices::PrimitivePrices(const PrimitiveBook& book,
                                 const std::map<std::string, double>& factors)
    : book_(book) {
  for (const auto& [name, constant] : book.constants()) {
    if (constant.value) constants_[name] = *constant.value;
  }
  for (const auto& [name, factor] : factors) {
    const auto found = constants_.find(name);
    if (found == constants_.end()) {
      std::vector<std::string> known;
      for (const auto& [constant, value] : constants_) known.push_back(constant);
      throw UsageError(fmt::format("{}: constants.{}: no such constant{}", book.source(), name,
                                   choice_hint(name, known)));
    }
    if (!std::isfinite(factor)) {
      throw UsageError(fmt::format("{}: constants.{}: its factor {} is not finite", book.source(),
                                   name, number_text(factor)));
    }
    found->second *= factor;
  }
}

std::optional<double> PrimitivePrices::price(const std::string& primitive, Quantity quantity,
                                             const std::vector<double>& arguments) {
  if (!book_.primitives().at(primitive).formula(quantity)) return std::nullopt;
  return call(primitive, quantity, arguments);
}

double PrimitivePrices::value(const Formula& formula,
                              const std::map<std::string, double>& names) const {
  return formula.value({names, constants_, {}});
}

double PrimitivePrices::product_count(double ProductCounts::*count, const std::string& function,
                                      const std::vector<double>& sizes) {
  constexpr auto largest = static_cast<double>(MatrixCuts::largest_size);
  const bool are_sizes = std::ranges::all_of(
      sizes, [](double size) { return size >= 1 && size <= largest && size == std::floor(size); });
  if (are_sizes) {
    const auto size = [&](std::size_t i) { return static_cast<std::int64_t>(sizes[i]); };
    return cuts_.counts(size(0), size(1), size(2)).*count;
  }
  throw FormulaError(fmt::format("{}({}, {}, {}): sizes are whole numbers from 1 to {}", function,
                                 number_text(sizes[0]), number_text(sizes[1]),
                                 number_text(sizes[2]), std::int64_t{MatrixCuts::largest_size}));
}

double PrimitivePrices::call(const std::string& function, Quantity quantity,
                             const std::vector<double>& arguments) {
  const PrimitiveEntry& primitive = book_.primitives().at(function);
  const Formula& formula = *primitive.formula(quantity);
  std::map<std::string, double> names;
  for (std::size_t i = 0; i < arguments.size(); ++i) names[primitive.arguments[i]] = arguments[i];
  const auto called = [&](const std::string& name, const std::vector<double>& values) {
    if (const auto* product = find_product_function(name)) {
      return product_count(product->count, name, values);
    }
    return call(name, book_.primitives().at(name).called_in(quantity), values);
  };
  double result = 0;
  try {
    result = formula.value({names, constants_, called});
  } catch (const FormulaError& error) {
    throw UsageError(fmt::format("{}: {}: {}: {}", book_.source(), key_of(function, quantity),
                                 quoted(formula.text()), error.what()));
  }
  if (std::isfinite(result) && (result >= 0 || quantity == Quantity::number)) return result;
  std::string given;
  for (const auto& [name, value] : names) {
    given += fmt::format("{}{} = {}", given.empty() ? "" : ", ", name, number_text(value));
  }
  throw UsageError(fmt::format(
      "{}: {}: {}: gives {} at {}; {}: correct the formula or its constants", book_.source(),
      key_of(function, quantity), quoted(formula.text()), number_text(result), given,
      quantity == Quantity::number ? "a number is finite" : "a cost is finite and not negative"));
}

}  // namespace aero::cost
