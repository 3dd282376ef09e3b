#include "matrix_cut.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace aero::cost {
namespace {

using Int = std::int64_t;

/// The number of coefficients of a polynomial.
constexpr Int slots = 8192;
/// Operands are split if they have at least this many numbers together: 256 MiB at 8 bytes each.
constexpr Int split_from = (Int{256} << 20) / 8;

Int ceil_div(Int a, Int b) {
  return (a + b - 1) / b;
}

/// The number of blocks along m, k and n, and the depth of a block along k.
struct Cut {
  Int down = 1;
  Int deep = 1;
  Int across = 1;
  Int depth = 1;

  Int sent() const { return std::min(down, across) * deep; }
  Int plain() const { return std::max(down, across) * deep; }
  Int results() const { return down * across; }
};

/// Prices a cut as SPU does: a ciphertext is 1000, a merge 1, a product of two polynomials 0.1.
/// Even if nothing is merged, SPU counts the ciphertexts sent back as if all were merged.
double price(const Cut& cut, Int numbers, bool merges) {
  const Int ciphertexts = cut.sent() + ceil_div(cut.results(), cut.depth);
  const Int merged = merges ? ceil_div(numbers, slots) * cut.depth : 0;
  const double products = static_cast<double>(cut.results()) * static_cast<double>(cut.deep);
  return 1000.0 * static_cast<double>(ciphertexts) + static_cast<double>(merged) + products / 10.0;
}

/// Returns the cheapest cut; of equally cheap cuts the one with most rows, then the deepest.
Cut cheapest(Int m, Int k, Int n, bool merges) {
  Cut best;
  double least = std::numeric_limits<double>::max();
  for (Int rows = 1; rows <= std::min(slots, m); ++rows) {
    for (Int depth = 1; depth <= std::min(k, slots / rows);
         depth = merges ? 2 * depth : depth + 1) {
      const Int columns = std::min(n, slots / rows / depth);
      const Cut cut{ceil_div(m, rows), ceil_div(k, depth), ceil_div(n, columns), depth};
      const double cost = price(cut, m * n, merges);
      if (cost > least) continue;
      best = cut;
      least = cost;
    }
  }
  return best;
}

/// Counts the steps of the tree that merges the last results, fewer than `depth`, with nothing.
double lone_steps(const Cut& cut) {
  const Int rest = cut.results() % cut.depth;
  if (rest == 0) return 0;
  const auto leaves = static_cast<double>(rest);
  return leaves * std::log2(static_cast<double>(cut.depth) / leaves);
}

/// Counts the merges of single numbers: a tree up to a power of two, then one for each doubling up
/// to the slots.
double merges_of_numbers(Int numbers) {
  const int levels = std::bit_width(static_cast<std::uint64_t>(numbers - 1));
  const int doublings = std::bit_width(static_cast<std::uint64_t>(slots)) - 1 - levels;
  return std::ldexp(1.0, levels) - 1 + doublings;
}

/// Counts a product that is not split.
ProductCounts counts_of(Int m, Int k, Int n) {
  const Int numbers = m * n;
  Cut cut = cheapest(m, k, n, true);
  const bool merges = cut.results() > 1;
  if (!merges) cut = cheapest(m, k, n, false);
  ProductCounts counts{.sent = static_cast<double>(cut.sent()),
                       .plain = static_cast<double>(cut.plain())};
  if (!merges) {
    counts.halves = static_cast<double>(cut.results());
    counts.kept = static_cast<double>(numbers);
    return counts;
  }
  counts.whole = static_cast<double>(ceil_div(cut.results(), cut.depth));
  if (cut.depth >= numbers) {
    counts.merges = merges_of_numbers(numbers);
  } else {
    counts.merges = static_cast<double>(cut.results());
    counts.lone = lone_steps(cut);
  }
  return counts;
}

struct Steps {
  Int m;
  Int k;
  Int n;
};

/// Returns the sizes of the products into which one is split. The parts of large operands have
/// `split_from` numbers.
Steps steps(Int m, Int k, Int n) {
  if (m * k + k * n < split_from) return {m, k, n};
  const Int outer = m + n;
  const auto limit = static_cast<double>(split_from);
  double outer_step = static_cast<double>(outer);
  double k_step = static_cast<double>(k);
  if (k > 8 * outer) {
    k_step = limit / outer_step;
  } else if (outer > 8 * k) {
    outer_step = limit / k_step;
  } else {
    outer_step = std::sqrt(limit / (k_step / outer_step));
    k_step = limit / outer_step;
  }
  const auto whole = [](double step) {
    return std::max(Int{1}, static_cast<Int>(std::ceil(step)));
  };
  const Int both = whole(outer_step);
  return {std::max(Int{1}, both * m / outer), whole(k_step), std::max(Int{1}, both * n / outer)};
}

struct Part {
  Int size;
  Int count;
};

/// Returns the parts of size `step` and the rest.
std::vector<Part> parts(Int size, Int step) {
  std::vector<Part> list{{step, size / step}};
  if (size % step != 0) list.push_back({size % step, 1});
  std::erase_if(list, [](const Part& part) { return part.count == 0; });
  return list;
}

}  // namespace

const std::vector<ProductFunction>& product_functions() {
  static const std::vector<ProductFunction> functions{
      {"spu_halves", &ProductCounts::halves}, {"spu_kept", &ProductCounts::kept},
      {"spu_lone", &ProductCounts::lone},     {"spu_merges", &ProductCounts::merges},
      {"spu_plain", &ProductCounts::plain},   {"spu_sent", &ProductCounts::sent},
      {"spu_whole", &ProductCounts::whole}};
  return functions;
}

const ProductFunction* find_product_function(const std::string& name) {
  const auto& all = product_functions();
  const auto found = std::ranges::find(all, name, &ProductFunction::name);
  return found == all.end() ? nullptr : &*found;
}

const ProductCounts& MatrixCuts::counts(Int m, Int k, Int n) {
  const auto [known, is_new] = known_.try_emplace({m, k, n});
  if (!is_new) return known->second;
  const Steps step = steps(m, k, n);
  for (const Part& rows : parts(m, step.m)) {
    for (const Part& depth : parts(k, step.k)) {
      for (const Part& columns : parts(n, step.n)) {
        const ProductCounts one = counts_of(rows.size, depth.size, columns.size);
        const auto times = static_cast<double>(rows.count) * static_cast<double>(depth.count) *
                           static_cast<double>(columns.count);
        for (const ProductFunction& function : product_functions()) {
          known->second.*function.count += times * (one.*function.count);
        }
      }
    }
  }
  return known->second;
}

}  // namespace aero::cost
