// Counts of matrix products, for comparison with a search in Python.
//
// usage: matrix_cut_main < lines of "m k n" > lines of counts by name, as "spu_sent 3"
//
// A line holds the counts of one product, between spaces, in the order of product_functions().

#include "src/cost/matrix_cut.h"

#include <cstdint>
#include <iostream>

int main() {
  aero::cost::MatrixCuts cuts;
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t n = 0;
  std::cout.precision(17);
  while (std::cin >> m >> k >> n) {
    const auto& counts = cuts.counts(m, k, n);
    for (const auto& [name, count] : aero::cost::product_functions()) {
      std::cout << name << ' ' << counts.*count << ' ';
    }
    std::cout << '\n';
  }
}
