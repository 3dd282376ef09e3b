#pragma once

#include "aero/config/faults.h"

#include "cost_file.h"
#include "formula.h"
#include "matrix_cut.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// The quantity that a formula of a primitive gives. `number` is that of a helper, which all others
/// may call.
enum class Quantity { bytes, rounds, seconds, number };

struct QuantityTraits {
  Quantity quantity;
  const char* key;
  Dimension dimension;
};

constexpr std::array<QuantityTraits, 4> quantities{{{Quantity::bytes, "bytes", {1, 0}},
                                                    {Quantity::rounds, "rounds", {}},
                                                    {Quantity::seconds, "seconds", {0, 1}},
                                                    {Quantity::number, "number", {}}}};

struct Constant {
  std::optional<double> value;  ///< in bytes and seconds; absent: unknown
  Dimension dimension;
};

struct PrimitiveEntry {
  std::vector<std::string> arguments;
  std::array<std::optional<Formula>, quantities.size()> formulas;  ///< by Quantity

  const std::optional<Formula>& formula(Quantity quantity) const {
    return formulas[static_cast<std::size_t>(quantity)];
  }
  /// Returns the quantity of a call to this primitive within a formula for `outer`.
  Quantity called_in(Quantity outer) const {
    return formula(Quantity::number) ? Quantity::number : outer;
  }
};

/// The constants and primitives of a cost model, and formulas over them.
class PrimitiveBook {
 public:
  PrimitiveBook(std::string source, std::map<std::string, Constant> constants,
                std::map<std::string, PrimitiveEntry> primitives)
      : source_(std::move(source)),
        constants_(std::move(constants)),
        primitives_(std::move(primitives)) {}

  /// Checks the names, numbers of arguments and dimensions of all formulas, and that none calls
  /// itself.
  void check(const CostFile& file, Faults& faults) const;
  /// Checks one formula over the constants and `names`.
  void check(const CostFile& file, Faults& faults, const std::string& key, const Formula& formula,
             const std::map<std::string, Dimension>& names, const Dimension& expected) const;
  /// Leaves out rounds and seconds whose checked formulas need an unknown constant, directly or
  /// through a call. Bytes or a number that need one are a fault.
  void leave_out_unknown(const CostFile& file, Faults& faults);

  const std::map<std::string, Constant>& constants() const { return constants_; }
  const std::map<std::string, PrimitiveEntry>& primitives() const { return primitives_; }
  const std::string& source() const { return source_; }

 private:
  Formula::Names names_for(const std::vector<std::string>& arguments, Quantity quantity) const;
  Dimension call(const std::string& function, std::size_t arguments, Quantity quantity) const;
  void check_circles(const CostFile& file, Faults& faults) const;
  std::vector<std::string> circle_from(const std::string& name, Quantity quantity) const;

  /// Returns the first unknown constant that a formula uses; empty if there is none.
  std::string unknown_constant(const Formula& formula) const;
  bool needs_unknown(const Formula& formula, Quantity quantity) const;

  std::string source_;
  std::map<std::string, Constant> constants_;
  std::map<std::string, PrimitiveEntry> primitives_;
};

/// Returns the functions that formulas of primitives can call beside primitives:
/// builtin_functions() and the counts of SPU's matrix products.
std::vector<std::string> known_functions();

/// Computes the formulas of a checked book, its constants multiplied by factors.
class PrimitivePrices {
 public:
  PrimitivePrices(const PrimitiveBook& book, const std::map<std::string, double>& factors);

  /// Computes a formula of a primitive, or returns nothing if the primitive has none. Throws
  /// UsageError if the result is not finite, or if a cost is negative; a number may be negative.
  std::optional<double> price(const std::string& primitive, Quantity quantity,
                              const std::vector<double>& arguments);

  /// Computes a formula over the constants and `names`; the result may be any value.
  double value(const Formula& formula, const std::map<std::string, double>& names) const;

 private:
  double call(const std::string& function, Quantity quantity, const std::vector<double>& arguments);
  double product_count(double ProductCounts::*count, const std::string& function,
                       const std::vector<double>& sizes);

  const PrimitiveBook& book_;
  std::map<std::string, double> constants_;
  MatrixCuts cuts_;
};

}  // namespace aero::cost
