#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aero::cost {

/// What SPU 0.9.5 computes and sends for one oblivious product [m, k] x [k, n] under CHEETAH, over
/// a field of 64 bits.
struct ProductCounts {
  double sent = 0;    ///< ciphertexts of the operand that goes to the other party
  double plain = 0;   ///< polynomials of the operand that stays
  double merges = 0;  ///< of two results, or of two numbers of them, into one ciphertext
  double lone = 0;    ///< steps of a result that is merged with none
  double whole = 0;   ///< ciphertexts that are sent back whole
  double halves = 0;  ///< ciphertexts of which one polynomial is sent back, of the other some parts
  double kept = 0;    ///< coefficients of these parts
};

/// How SPU multiplies matrices: it splits operands of 256 MiB and more, and cuts each product into
/// blocks of a polynomial. Of all rows, and all depths that are powers of two, it takes the
/// cheapest and merges the results; where that has one result alone, it merges nothing and tries
/// every depth. libspu/mpc/cheetah/arith/matmat_prot.cc (GetSubMatShape), cheetah_dot.cc
/// (doDotOLE); libspu/kernel/hal/ring.cc (_mmul).
///
/// The counts of a shape are sought once.
class MatrixCuts {
 public:
  /// Sizes are from 1 to largest_size.
  const ProductCounts& counts(std::int64_t m, std::int64_t k, std::int64_t n);

  static constexpr std::int64_t largest_size = std::int64_t{1} << 30;

 private:
  std::map<std::array<std::int64_t, 3>, ProductCounts> known_;
};

/// A count as a function of formulas: spu_sent(m, k, n).
struct ProductFunction {
  const char* name;
  double ProductCounts::*count;
};

const std::vector<ProductFunction>& product_functions();
/// Null where no product function has this name.
const ProductFunction* find_product_function(const std::string& name);

}  // namespace aero::cost
