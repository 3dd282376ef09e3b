#pragma once

#include "dimension.h"

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace aero::cost {

/// A fault in a formula, without the formula's place in the file.
class FormulaError : public std::runtime_error {
 public:
  explicit FormulaError(const std::string& message) : std::runtime_error(message) {}
};

/// One node of a formula, with the nodes below it in `parts`.
struct Expression {
  enum class Kind { number, name, call, negative, sum, difference, product, quotient, power };

  Kind kind = Kind::number;
  double number = 0;
  std::string name;  ///< of a name or a call
  std::vector<Expression> parts;
};

/// A formula of numbers, names, + - * / ^, parentheses and calls: ceil floor log2 (of one plain
/// number), min max (of two or more values of one dimension), and the functions of its scope. -2^2
/// is -4, 2^3^2 is 2^9.
class Formula {
 public:
  /// Reads a formula. Throws FormulaError that names the place of the fault.
  static Formula parse(const std::string& text);

  const std::string& text() const { return text_; }
  /// Returns the functions outside the language that it calls, each as often as it is called.
  std::vector<std::string> calls() const;
  /// Returns the arguments and constants that it uses, each as often as it is used.
  std::vector<std::string> names() const;

  /// The scope in which a formula's dimensions are checked.
  struct Names {
    std::map<std::string, Dimension> dimensions;
    /// Returns the dimension of a call with this number of arguments, all plain numbers. Throws
    /// FormulaError.
    std::function<Dimension(const std::string& function, std::size_t arguments)> call;
  };
  /// Throws FormulaError unless all dimensions are consistent and the result is `expected`. The
  /// literal 0 fits any dimension.
  void check(const Names& names, const Dimension& expected) const;

  /// The scope in which a formula is computed.
  struct Values {
    const std::map<std::string, double>& names;
    const std::map<std::string, double>& constants;  ///< looked up after the names
    std::function<double(const std::string& function, const std::vector<double>& arguments)> call;
  };
  /// Computes a formula that was checked with the same names. The value may not be finite.
  double value(const Values& values) const;

 private:
  Formula(std::string text, Expression root) : text_(std::move(text)), root_(std::move(root)) {}

  std::string text_;
  Expression root_;
};

/// Whether a text can be a name in a formula: a letter, then letters, digits and underscores.
bool is_name(const std::string& text);
/// The functions of the language itself.
const std::vector<std::string>& builtin_functions();

}  // namespace aero::cost
