#include "attention_paths.h"
#include "attention_rows.h"
#include "packing.h"
#include "small_products.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace aero::ops {
namespace {

constexpr std::int64_t row_step = 32;      // lengths are padded to this
constexpr std::int64_t query_block = 32;   // rows of a tile forward
constexpr std::int64_t key_block = 64;     // rows of a tile backward
constexpr std::int64_t query_chunk = 128;  // columns of a tile backward

std::int64_t padded(std::int64_t length) {
  return (length + row_step - 1) / row_step * row_step;
}

/// Uninitialised memory of one thread, aligned to a cache line.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::int64_t count)
      : memory_(torch::empty({count * static_cast<std::int64_t>(sizeof(T))}, torch::kByte)) {}
  T* data() const { return reinterpret_cast<T*>(memory_.data_ptr()); }

 private:
  torch::Tensor memory_;
};

/// One head's rows [T, d_k] within a tensor [B, H, T, d_k].
template <class T>
struct Rows {
  T* data;
  std::int64_t stride;
  T* at(std::int64_t row) const { return data + row * stride; }
};

template <class T>
Rows<T> rows_of(const torch::Tensor& x, std::int64_t batch, std::int64_t head) {
  auto* data = reinterpret_cast<T*>(x.data_ptr());
  return {data + batch * x.stride(0) + head * x.stride(1), std::max(x.stride(2), x.size(3))};
}

/// Returns x, or a copy of it, in a layout that rows_of can describe.
torch::Tensor with_plain_rows(const torch::Tensor& x) {
  const bool plain =
      (x.size(3) == 1 || x.stride(3) == 1) && (x.size(2) == 1 || x.stride(2) >= x.size(3));
  return plain ? x : x.contiguous();
}

struct Shape {
  std::int64_t heads;
  std::int64_t length;
  std::int64_t d_k;
  std::int64_t pairs;  // batches by heads
  std::int64_t padded_length = padded(length);
};

Shape shape_of(const torch::Tensor& x) {
  return {x.size(1), x.size(2), x.size(3), x.size(0) * x.size(1)};
}

template <class T>
void attend(const AttentionInputs& in, const AttentionRows& out, const Shape& shape,
            std::int64_t begin, std::int64_t end) {
  const auto [heads, length, d_k, pairs, padded_length] = shape;
  const Buffer<T> keys(d_k * padded_length);
  const Buffer<T> values(padded_length * d_k);
  const Buffer<float> products(query_block * padded_length);
  const Buffer<T> exponentials(query_block * padded_length);
  const Buffer<float> sums(query_block * d_k);
  const Buffer<float> inverse_sum(query_block);
  for (auto pair = begin; pair < end; ++pair) {
    const auto batch = pair / heads;
    const auto head = pair % heads;
    const auto q = rows_of<T>(in.queries, batch, head);
    const auto k = rows_of<T>(in.keys, batch, head);
    const auto v = rows_of<T>(in.values, batch, head);
    const auto o = rows_of<T>(out.output, batch, head);
    const auto of_row = [&](const torch::Tensor& x, std::int64_t first) {
      return x.data_ptr<float>() + pair * shape.length + first;
    };
    pack_transposed(k.data, k.stride, length, d_k, padded_length, keys.data());
    pack(v.data, v.stride, length, d_k, padded_length, values.data());
    for (std::int64_t first = 0; first < length; first += query_block) {
      const auto rows = std::min(query_block, length - first);
      const auto columns = padded(first + rows);
      multiply({rows, columns, d_k}, q.at(first), q.stride, keys.data(), padded_length,
               products.data(), columns, false);
      exponentiate({first, rows, columns, in.row_scale.data_ptr<float>() + head * length + first,
                    of_row(out.largest, first), of_row(out.log_sum, first), of_row(out.mean, first),
                    inverse_sum.data()},
                   products.data(), exponentials.data());
      multiply({rows, d_k, columns}, exponentials.data(), columns, values.data(), d_k, sums.data(),
               d_k, false);
      store(sums.data(), inverse_sum.data(), rows, d_k, o.at(first), o.stride);
    }
  }
}

/// The numbers that differentiate() reads for each query of one head, padded with zeros.
class Statistics {
 public:
  explicit Statistics(std::int64_t padded_length)
      : length_(padded_length), memory_(7 * padded_length) {
    std::fill_n(memory_.data(), 7 * padded_length, 0.0F);
  }
  float* of(std::int64_t which) const { return memory_.data() + which * length_; }
  QueryColumns from(std::int64_t first) const {
    return {of(0) + first, of(1) + first, of(2) + first, of(3) + first,
            of(4) + first, of(5) + first, of(6) + first};
  }

 private:
  std::int64_t length_;
  Buffer<float> memory_;
};

/// Lays out a tile of rows without gaps as the right factor of a product. float needs no change.
const float* right_factor(const float* x, std::int64_t, std::int64_t, float*) {
  return x;
}
const std::uint16_t* right_factor(const std::uint16_t* x, std::int64_t rows, std::int64_t columns,
                                  std::uint16_t* room) {
  pack(x, columns, rows, columns, rows, room);
  return room;
}

template <class T>
class BackwardOfHeads {
 public:
  BackwardOfHeads(const AttentionInputs& in, const AttentionRows& rows,
                  const ResultGradients& gradients, const AttentionGradients& out,
                  const Shape& shape)
      : in_(in), rows_(rows), gradients_(gradients), out_(out), shape_(shape) {
    if (!gradients.output.defined()) std::fill_n(da_.data(), tile_size, 0.0F);
  }

  void operator()(std::int64_t pair) {
    const auto batch = pair / shape_.heads;
    const auto head = pair % shape_.heads;
    const auto [heads, length, d_k, pairs, padded_length] = shape_;
    const auto q = rows_of<T>(in_.queries, batch, head);
    pack_transposed(q.data, q.stride, length, d_k, padded_length, queries_transposed_.data());
    pack(q.data, q.stride, length, d_k, padded_length, queries_.data());
    gather_statistics(pair);
    if (gradients_.output.defined()) {
      const auto dout = rows_of<T>(gradients_.output, batch, head);
      const auto o = rows_of<T>(rows_.output, batch, head);
      pack_transposed(dout.data, dout.stride, length, d_k, padded_length,
                      gradient_transposed_.data());
      pack(dout.data, dout.stride, length, d_k, padded_length, gradient_.data());
      dot_rows(dout.data, dout.stride, o.data, o.stride, length, d_k, statistics_.of(4));
    }
    for (std::int64_t key = 0; key < length; key += key_block) {
      work_on_keys(batch, head, key, std::min(key_block, length - key));
    }
    const auto dq = rows_of<T>(out_.queries, batch, head);
    transpose(dq_transposed_.data(), padded_length, d_k, length, d_k, dq_.data());
    store(dq_.data(), nullptr, length, d_k, dq.data, dq.stride);
    std::copy_n(statistics_.of(6), length,
                out_.temperature_sum.template data_ptr<float>() + pair * length);
  }

 private:
  void gather_statistics(std::int64_t pair) {
    const auto length = shape_.length;
    const auto gather = [&](const torch::Tensor& x, std::int64_t row, std::int64_t which) {
      if (x.defined())
        std::copy_n(x.data_ptr<float>() + row * length, length, statistics_.of(which));
    };
    gather(in_.row_scale, pair % shape_.heads, 0);
    gather(rows_.largest, pair, 1);
    gather(rows_.log_sum, pair, 2);
    gather(rows_.mean, pair, 3);
    gather(gradients_.entropy, pair, 5);
    std::fill_n(statistics_.of(6), length, 0.0F);
  }

  /// Computes the gradients of keys, and their part in the gradients of queries.
  void work_on_keys(std::int64_t batch, std::int64_t head, std::int64_t key, std::int64_t rows) {
    const auto [heads, length, d_k, pairs, padded_length] = shape_;
    const bool output = gradients_.output.defined();
    const auto k = rows_of<T>(in_.keys, batch, head);
    const auto v = rows_of<T>(in_.values, batch, head);
    const auto padded_rows = padded(rows);
    transpose(k.at(key), k.stride, rows, d_k, padded_rows, keys_transposed_.data());
    for (auto first = key; first < padded_length; first += query_chunk) {
      const auto columns = std::min(query_chunk, padded_length - first);
      const ProductShape scores{rows, columns, d_k};
      multiply(scores, k.at(key), k.stride, queries_transposed_.data() + first * pack_width,
               padded_length, products_.data(), columns, false);
      if (output) {
        multiply(scores, v.at(key), v.stride, gradient_transposed_.data() + first * pack_width,
                 padded_length, da_.data(), columns, false);
      }
      differentiate({rows, columns, key - first}, statistics_.from(first), products_.data(),
                    da_.data(), a_.data(), ds_.data());
      std::fill_n(ds_.data() + rows * columns, (padded_rows - rows) * columns, T{0});
      const ProductShape sums{rows, d_k, columns};
      if (output) {
        multiply(sums, a_.data(), columns, gradient_.data() + first * d_k, d_k, dv_.data(), d_k,
                 first > key);
      }
      multiply(sums, ds_.data(), columns, queries_.data() + first * d_k, d_k, dk_.data(), d_k,
               first > key);
      multiply({d_k, columns, padded_rows}, keys_transposed_.data(), padded_rows,
               right_factor(ds_.data(), padded_rows, columns, ds_packed_.data()), columns,
               dq_transposed_.data() + first, padded_length, key > 0);
    }
    const auto dk = rows_of<T>(out_.keys, batch, head);
    store(dk_.data(), nullptr, rows, d_k, dk.at(key), dk.stride);
    if (!output) return;
    const auto dv = rows_of<T>(out_.values, batch, head);
    store(dv_.data(), nullptr, rows, d_k, dv.at(key), dv.stride);
  }

  static constexpr std::int64_t pack_width = sizeof(T) == 2 ? 2 : 1;  // rows interleaved by pack
  static constexpr std::int64_t tile_size = key_block * query_chunk;

  const AttentionInputs& in_;
  const AttentionRows& rows_;
  const ResultGradients& gradients_;
  const AttentionGradients& out_;
  Shape shape_;
  std::int64_t head_size_ = shape_.padded_length * shape_.d_k;
  Statistics statistics_{shape_.padded_length};
  Buffer<T> queries_{head_size_};
  Buffer<T> queries_transposed_{head_size_};
  Buffer<T> gradient_{head_size_};
  Buffer<T> gradient_transposed_{head_size_};
  Buffer<T> keys_transposed_{key_block * shape_.d_k};
  Buffer<float> dq_transposed_{head_size_};
  Buffer<float> dq_{head_size_};
  Buffer<float> dk_{key_block * shape_.d_k};
  Buffer<float> dv_{key_block * shape_.d_k};
  Buffer<float> products_{tile_size};
  Buffer<float> da_{tile_size};
  Buffer<T> a_{tile_size};
  Buffer<T> ds_{tile_size};
  Buffer<T> ds_packed_{tile_size};
};

bool in_bfloat16(const torch::Tensor& queries) {
  return queries.scalar_type() == torch::kBFloat16 && queries.size(3) % 2 == 0 &&
         has_bfloat16_products();
}

torch::Tensor prepared(const torch::Tensor& x, torch::ScalarType dtype) {
  return x.defined() ? with_plain_rows(x.to(dtype)) : x;
}

AttentionInputs prepared(const AttentionInputs& inputs, torch::ScalarType dtype) {
  return {prepared(inputs.queries, dtype), prepared(inputs.keys, dtype),
          prepared(inputs.values, dtype), inputs.row_scale.contiguous()};
}

template <class T>
void attend_all(const AttentionInputs& in, const AttentionRows& out) {
  const auto shape = shape_of(in.queries);
  at::parallel_for(0, shape.pairs, 1, [&](std::int64_t begin, std::int64_t end) {
    attend<T>(in, out, shape, begin, end);
    release_products();
  });
}

template <class T>
void differentiate_all(const AttentionInputs& in, const AttentionRows& rows,
                       const ResultGradients& gradients, const AttentionGradients& out) {
  const auto shape = shape_of(in.queries);
  at::parallel_for(0, shape.pairs, 1, [&](std::int64_t begin, std::int64_t end) {
    BackwardOfHeads<T> backward(in, rows, gradients, out, shape);
    for (auto pair = begin; pair < end; ++pair) backward(pair);
    release_products();
  });
}

}  // namespace

bool has_attention_kernel(const torch::Tensor& queries) {
  const auto dtype = queries.scalar_type();
  return queries.is_cpu() && (dtype == torch::kFloat32 || dtype == torch::kBFloat16);
}

AttentionRows attention_by_kernel(const AttentionInputs& inputs) {
  const bool bfloat16 = in_bfloat16(inputs.queries);
  const auto dtype = bfloat16 ? torch::kBFloat16 : torch::kFloat32;
  const auto in = prepared(inputs, dtype);
  const auto statistic = [&] {
    return torch::empty(in.queries.sizes().slice(0, 3), in.row_scale.options());
  };
  AttentionRows rows{empty_heads(in.queries, dtype), statistic(), statistic(), statistic()};
  if (bfloat16) {
    attend_all<std::uint16_t>(in, rows);
  } else {
    attend_all<float>(in, rows);
  }
  rows.output = rows.output.to(inputs.queries.scalar_type());
  return rows;
}

AttentionGradients differentiate_by_kernel(const AttentionInputs& inputs,
                                           const AttentionRows& saved,
                                           const ResultGradients& given) {
  const bool bfloat16 = in_bfloat16(inputs.queries);
  const auto dtype = bfloat16 ? torch::kBFloat16 : torch::kFloat32;
  const auto in = prepared(inputs, dtype);
  auto rows = saved;
  rows.output = prepared(saved.output, dtype);
  ResultGradients gradients{prepared(given.output, dtype), given.entropy};
  if (gradients.entropy.defined()) gradients.entropy = gradients.entropy.contiguous();
  const auto of_heads = [&] { return empty_heads(in.queries, dtype); };
  AttentionGradients out{of_heads(), of_heads(), {}, torch::empty_like(saved.largest)};
  if (gradients.output.defined()) out.values = of_heads();
  if (bfloat16) {
    differentiate_all<std::uint16_t>(in, rows, gradients, out);
  } else {
    differentiate_all<float>(in, rows, gradients, out);
  }
  for (auto* x : {&out.queries, &out.keys, &out.values}) {
    if (x->defined()) *x = x->to(inputs.queries.scalar_type());
  }
  return out;
}

}  // namespace aero::ops
