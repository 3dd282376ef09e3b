#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aero::cost {

/// The work and the messages of SPU 0.9.5 for one oblivious product [m, k] x [k, n] under CHEETAH,
/// over a field of 64 bits.
struct ProductCounts {
  double sent = 0;    ///< ciphertexts of the operand that goes to the other party
  double plain = 0;   ///< polynomials of the operand that stays
  double merges = 0;  ///< merges of two results, or of two of their numbers, into one ciphertext
  double lone = 0;    ///< steps of a result that has none to merge with
  double whole = 0;   ///< ciphertexts that are sent back whole
  double halves = 0;  ///< ciphertexts of which one polynomial and parts of the other are sent back
  double kept = 0;    ///< coefficients in these parts
};

/// Follows how SPU multiplies matrices: it splits operands of 256 MiB and more, and cuts each
/// product into blocks of one polynomial each. Among all numbers of rows, and all depths that are
/// powers of two, it takes the cheapest cut and merges the results. If that cut has only one
/// result, it merges nothing and tries every depth. Sources:
/// libspu/mpc/cheetah/arith/matmat_prot.cc (GetSubMatShape), cheetah_dot.cc (doDotOLE);
/// libspu/kernel/hal/ring.cc (_mmul).
///
/// The counts of each shape are computed once.
class MatrixCuts {
 public:
  /// Returns the counts of a shape, whose sizes are from 1 to largest_size.
  const ProductCounts& counts(std::int64_t m, std::int64_t k, std::int64_t n);

  static constexpr std::int64_t largest_size = std::int64_t{1} << 30;

 private:
  std::map<std::array<std::int64_t, 3>, ProductCounts> known_;
};

/// A count that formulas can call as a function: spu_sent(m, k, n).
struct ProductFunction {
  const char* name;
  double ProductCounts::*count;
};

const std::vector<ProductFunction>& product_functions();
/// Returns null if no product function has this name.
const ProductFunction* find_product_function(const std::string& name);

}  // namespace aero::cost
