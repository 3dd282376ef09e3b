#include "matrix_product.h"

#include "product_panels.h"
#include "product_tile.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

// What a core's second cache holds beside a panel of the right matrix.
constexpr std::int64_t chunk_words = 1536;
// What the cores' common cache holds of each matrix.
constexpr std::int64_t chunk_bytes = std::int64_t{1} << 23;
constexpr std::int64_t row_group = 8 * tile_rows;
constexpr std::int64_t pack_rows = 8 * row_group;
constexpr std::int64_t pack_words = 128;
constexpr std::int64_t right_pack_words = 16;
constexpr std::int64_t tasks_a_thread = 16;  // so that no thread waits long for another
constexpr std::int64_t smallest_transposed = 256;
constexpr std::int64_t fewest_rows = 32;  // with fewer, laying out the right matrix costs more

std::int64_t divided_up(std::int64_t x, std::int64_t by) {
  return (x + by - 1) / by;
}

bool is_row_major(const torch::Tensor& x) {
  return x.stride(1) == 1 && x.stride(0) >= x.size(1);
}

bool has_layout(const torch::Tensor& x) {
  return x.dim() == 2 && x.is_cpu() && x.numel() > 0 && (is_row_major(x) || is_row_major(x.t()));
}

Numbers numbers_of(const torch::Tensor& x) {
  return {x.const_data_ptr(), x.scalar_type() == torch::kBFloat16, x.stride(0), x.size(0),
          x.size(1)};
}

Arithmetic arithmetic_of(const torch::Tensor& left) {
  return left.scalar_type() == torch::kBFloat16 ? Arithmetic::bfloat16 : Arithmetic::float32;
}

/// Calls `work(task)` for all tasks; a thread takes the next one when it is done with one.
template <class Work>
void share_out(std::int64_t tasks, const Work& work) {
  std::atomic<std::int64_t> next = 0;
  const auto threads = std::min<std::int64_t>(at::get_num_threads(), tasks);
  at::parallel_for(0, threads, 1, [&](std::int64_t /*begin*/, std::int64_t /*end*/) {
    for (auto task = next++; task < tasks; task = next++) work(task);
  });
}

torch::Tensor make_words(std::int64_t count) {
  return torch::empty({count}, torch::kInt32);
}

Word* words_in(const torch::Tensor& x) {
  return reinterpret_cast<Word*>(x.data_ptr());
}

/// A product in progress. It takes a chunk at a time: some words of the sums, for some columns and
/// rows. What is not laid out as tiles read it, all threads first lay out together.
class Product {
 public:
  Product(const torch::Tensor& left, const torch::Tensor& right, const torch::Tensor& bias,
          torch::Tensor& out)
      : arithmetic_(arithmetic_of(left)),
        left_is_transposed_(!is_row_major(left)),
        right_is_transposed_(!is_row_major(right)),
        left_(numbers_of(left_is_transposed_ ? left.t() : left)),
        right_(numbers_of(right_is_transposed_ ? right.t() : right)),
        bias_(bias.defined() ? bias.const_data_ptr<float>() : nullptr),
        out_(static_cast<char*>(out.data_ptr())),
        out_is_bfloat16_(out.scalar_type() == torch::kBFloat16),
        number_bytes_(static_cast<std::int64_t>(out.element_size())),
        out_row_(out.stride(0) * number_bytes_),
        whole_{{0, words_of(arithmetic_, left.size(1))}, {0, out.size(0)}, {0, out.size(1)}} {}

  void compute(bool adds) {
    const auto words = divided_up(whole_.words.size, divided_up(whole_.words.size, chunk_words));
    const auto fitting = chunk_bytes / static_cast<std::int64_t>(sizeof(Word)) / words;
    const auto columns = fitting_size(whole_.columns.size, fitting, tile_columns);
    const auto rows =
        left_is_transposed_ ? fitting_size(whole_.rows.size, fitting, row_group) : whole_.rows.size;
    right_words_ = make_words(words * columns);
    if (left_is_transposed_) left_words_ = make_words(words * rows);
    for (const auto& some_columns : parts(whole_.columns, columns)) {
      for (const auto& some_words : parts(whole_.words, words)) {
        lay_out_right({some_words, whole_.rows, some_columns});
        for (const auto& some_rows : parts(whole_.rows, rows)) {
          const Chunk chunk{some_words, some_rows, some_columns};
          if (left_is_transposed_) lay_out_left(chunk);
          multiply(chunk, adds || some_words.first > 0);
        }
      }
    }
  }

 private:
  struct Range {
    std::int64_t first;
    std::int64_t size;
    std::int64_t end() const { return first + size; }
  };
  struct Chunk {
    Range words;
    Range rows;
    Range columns;
    std::int64_t panels() const { return divided_up(columns.size, tile_columns); }
  };

  static std::int64_t fitting_size(std::int64_t size, std::int64_t fitting, std::int64_t step) {
    return std::clamp<std::int64_t>(fitting / step, 1, divided_up(size, step)) * step;
  }

  static std::vector<Range> parts(const Range& all, std::int64_t size) {
    std::vector<Range> result;
    for (auto first = all.first; first < all.end(); first += size) {
      result.push_back({first, std::min(size, all.end() - first)});
    }
    return result;
  }

  Word* panel(const Chunk& chunk, std::int64_t index) const {
    return words_in(right_words_) + index * chunk.words.size * tile_columns;
  }

  /// Each task reads memory from one end to the other: some rows, or some columns that are given as
  /// rows.
  void lay_out_right(const Chunk& chunk) const {
    const auto words = right_is_transposed_ ? chunk.words.size : right_pack_words;
    const auto columns = right_is_transposed_ ? tile_columns : chunk.columns.size;
    const auto parts_of_words = divided_up(chunk.words.size, words);
    share_out(parts_of_words * divided_up(chunk.columns.size, columns), [&](std::int64_t task) {
      const auto word = task % parts_of_words * words;
      const auto column = task / parts_of_words * columns;
      pack_right(arithmetic_, right_, right_is_transposed_,
                 {chunk.words.first + word, std::min(words, chunk.words.size - word),
                  chunk.columns.first + column, std::min(columns, chunk.columns.size - column),
                  chunk.words.size * tile_columns},
                 panel(chunk, column / tile_columns) + word * tile_columns);
    });
  }

  void lay_out_left(const Chunk& chunk) const {
    const auto strips = divided_up(chunk.rows.size, pack_rows);
    share_out(strips * divided_up(chunk.words.size, pack_words), [&](std::int64_t task) {
      const auto word = task / strips * pack_words;
      const auto row = task % strips * pack_rows;
      pack_left_transposed(arithmetic_, left_,
                           {chunk.words.first + word, std::min(pack_words, chunk.words.size - word),
                            chunk.rows.first + row, std::min(pack_rows, chunk.rows.size - row),
                            chunk.words.size * tile_rows},
                           words_in(left_words_) + row * chunk.words.size + word * tile_rows);
    });
  }

  /// Shares out groups of rows by groups of panels, small enough that no thread waits long.
  void multiply(const Chunk& chunk, bool adds) const {
    const auto row_groups = divided_up(chunk.rows.size, row_group);
    const auto wanted = divided_up(tasks_a_thread * at::get_num_threads(), row_groups);
    const auto panel_groups = std::min(wanted, chunk.panels());
    const auto panels = divided_up(chunk.panels(), panel_groups);
    share_out(row_groups * panel_groups, [&](std::int64_t task) {
      const auto first_row = chunk.rows.first + task / panel_groups * row_group;
      const Range rows{first_row, std::min(row_group, chunk.rows.end() - first_row)};
      const auto first_panel = task % panel_groups * panels;
      const auto end = std::min(first_panel + panels, chunk.panels());
      for (auto index = first_panel; index < end; ++index) {
        multiply_panel(chunk, rows, index, adds);
      }
    });
  }

  void multiply_panel(const Chunk& chunk, const Range& rows, std::int64_t index, bool adds) const {
    const auto column = chunk.columns.first + index * tile_columns;
    Tile tile{};
    tile.columns = std::min<std::int64_t>(tile_columns, whole_.columns.size - column);
    tile.words = chunk.words.size;
    tile.right = panel(chunk, index);
    tile.bias = bias_ != nullptr && !adds ? bias_ + column : nullptr;
    tile.rounds = out_is_bfloat16_;
    tile.adds = adds;
    tile.out_row = out_row_;
    tile.left_row = left_is_transposed_ ? sizeof(Word) : left_.stride * (left_.is_bfloat16 ? 2 : 4);
    tile.left_word = left_is_transposed_ ? tile_rows * sizeof(Word) : sizeof(Word);
    for (auto row = rows.first; row < rows.end(); row += tile_rows) {
      tile.rows = std::min<std::int64_t>(tile_rows, rows.end() - row);
      tile.left = left_is_transposed_
                      ? reinterpret_cast<const char*>(words_in(left_words_) +
                                                      (row - chunk.rows.first) * chunk.words.size)
                      : static_cast<const char*>(left_.data) + row * tile.left_row +
                            chunk.words.first * tile.left_word;
      tile.out = out_ + row * out_row_ + column * number_bytes_;
      multiply_tile(arithmetic_, tile);
    }
  }

  Arithmetic arithmetic_;
  bool left_is_transposed_;
  bool right_is_transposed_;
  Numbers left_;
  Numbers right_;
  const float* bias_;
  char* out_;
  bool out_is_bfloat16_;
  std::int64_t number_bytes_;
  std::int64_t out_row_;
  Chunk whole_;
  torch::Tensor right_words_;  // panels of a chunk, one after another
  torch::Tensor
      left_words_;  // groups of tile_rows rows of a chunk; undefined if it is read in place
};

/// Returns 1 where the last factor of a row shares its word with the next row, else 0: a matrix in
/// rows is read in place.
std::int64_t odd_factors(const torch::Tensor& left) {
  const bool is_odd = left.scalar_type() == torch::kBFloat16 && left.size(1) % 2 != 0;
  return is_odd && is_row_major(left) ? 1 : 0;
}

void compute(torch::Tensor& out, const torch::Tensor& left, const torch::Tensor& right,
             const torch::Tensor& bias, bool adds) {
  const auto odd = odd_factors(left);
  const auto even = left.size(1) - odd;
  if (even > 0) {
    Product(left.narrow(1, 0, even), right.narrow(0, 0, even), bias, out).compute(adds);
  } else if (!adds) {
    out.copy_(bias.defined() ? bias.expand_as(out) : torch::zeros_like(out));
  }
  if (odd == 0) return;
  const auto rounded = right.narrow(0, even, 1).to(left.scalar_type());
  out.addmm_(left.narrow(1, even, 1).to(torch::kFloat32), rounded.to(torch::kFloat32));
}

}  // namespace

bool has_matrix_product(const torch::Tensor& left, const torch::Tensor& right) {
  if (!has_layout(left) || !has_layout(right) || left.size(0) < fewest_rows) return false;
  const auto dtype = left.scalar_type();
  const auto right_dtype = right.scalar_type();
  const bool fits =
      dtype == torch::kFloat32
          ? right_dtype == torch::kFloat32
          : dtype == torch::kBFloat16 && (right_dtype == dtype || right_dtype == torch::kFloat32);
  // With a small result, laying out both factors costs more than it gains.
  const bool is_large =
      is_row_major(left) || std::min(left.size(0), right.size(1)) >= smallest_transposed;
  return fits && is_large && has_tiles(arithmetic_of(left));
}

torch::Tensor matrix_product(const torch::Tensor& left, const torch::Tensor& right,
                             torch::ScalarType dtype, const torch::Tensor& bias) {
  // Sums that are made in parts lie in the result meanwhile, and so must not be rounded.
  const bool has_parts =
      words_of(arithmetic_of(left), left.size(1)) > chunk_words || odd_factors(left) > 0;
  auto out = torch::empty({left.size(0), right.size(1)},
                          torch::dtype(has_parts ? torch::kFloat32 : dtype));
  compute(out, left, right, bias, /*adds=*/false);
  return out.to(dtype);
}

void add_matrix_product(torch::Tensor& sum, const torch::Tensor& left, const torch::Tensor& right) {
  TORCH_CHECK(sum.scalar_type() == torch::kFloat32 && is_row_major(sum),
              "the sum of products is float32, in rows");
  compute(sum, left, right, {}, /*adds=*/true);
}

torch::Tensor product(const torch::Tensor& left, const torch::Tensor& right,
                      torch::ScalarType dtype) {
  if (has_matrix_product(left, right)) return matrix_product(left, right, dtype);
  return torch::mm(left, right.to(left.scalar_type())).to(dtype);
}

}  // namespace aero::ops
