#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aero::cost {

/// The kinds of work that an operation of a forward pass does.
enum class Primitive {
  embedding,
  position,
  head,
  matmul,
  multiply,
  softmax,
  softmax_2quad,
  relu_attention,
  layernorm,
  rmsnorm,
  gelu,
  gelu_tanh,
  relu,
  leaky_relu,
  quadratic
};

/// The purpose of a primitive. Its shape, its second operand and its count follow from it.
///   look_up     m tokens of k words, looked up in a table [k, n], a weight
///   head        [m, k] x [k, n], a weight, n words
///   product     [m, k] x [k, n], a weight or an activation
///   scale       m x n elements by a weight, an activation or a constant
///   attention   m rows of n scores that become weights, with the masked keys and the division
///   norm        m rows of n, with the gain and the bias
///   activation  m x n elements, with the slope
enum class PrimitiveRole { look_up, head, product, scale, attention, norm, activation };

/// A row of the catalogue.
struct PrimitiveTraits {
  Primitive primitive;
  std::string_view name;    ///< in reports, and in cost models except for products and scales
  std::string_view letter;  ///< in the notation and in the papers, which list the first of two
                            ///< primitives with the same letter
  PrimitiveRole role;
  /// Operations for each element. Each addition, multiplication, division, comparison, exp, tanh
  /// and erf counts as one, whatever hardware takes for it. 0: none, or those of a matrix product.
  std::int64_t flops;
  /// The matrices of an activation's shape that training keeps: for its own gradient, and its
  /// result for the matrix after it.
  std::int64_t kept = 0;
};

/// The catalogue, in the order of the enum. A primitive has the name of its kind in config, except
/// for those of attention.
inline constexpr std::array<PrimitiveTraits, 15> primitives{{
    {Primitive::embedding, "embedding", "", PrimitiveRole::look_up, 0},
    {Primitive::position, "position", "", PrimitiveRole::look_up, 0},
    {Primitive::head, "head", "", PrimitiveRole::head, 0},
    {Primitive::matmul, "matmul", "", PrimitiveRole::product, 0},
    {Primitive::multiply, "multiply", "", PrimitiveRole::scale, 1},
    // Largest, difference, exp, sum, quotient.
    {Primitive::softmax, "softmax", "SM", PrimitiveRole::attention, 5},
    // Shift, square, sum, quotient.
    {Primitive::softmax_2quad, "softmax_2quad", "2Q", PrimitiveRole::attention, 4},
    // Comparison, quotient.
    {Primitive::relu_attention, "relu_attention", "RA", PrimitiveRole::attention, 2},
    // Mean, difference, square, mean of squares, 1/std, gain, bias.
    {Primitive::layernorm, "layernorm", "LN", PrimitiveRole::norm, 7},
    // Square, mean of squares, 1/rms, gain.
    {Primitive::rmsnorm, "rmsnorm", "RMS", PrimitiveRole::norm, 4},
    // x / sqrt(2), erf, + 1, by x, by 1/2.
    {Primitive::gelu, "gelu", "G", PrimitiveRole::activation, 5, 2},
    // x^2, x^3, by 0.044715, + x, by sqrt(2 / pi), tanh, + 1, by x, by 1/2.
    {Primitive::gelu_tanh, "gelu_tanh", "G", PrimitiveRole::activation, 9, 2},
    {Primitive::relu, "relu", "R", PrimitiveRole::activation, 1, 1},
    {Primitive::leaky_relu, "leaky_relu", "LR", PrimitiveRole::activation, 2, 2},
    // + 1, square, by 0.125, + 0.375.
    {Primitive::quadratic, "quadratic", "Q", PrimitiveRole::activation, 4, 2},
}};

constexpr const PrimitiveTraits& traits(Primitive primitive) {
  return primitives[static_cast<std::size_t>(primitive)];
}

/// Returns the primitive with a name. Throws Error if there is none.
Primitive primitive_named(std::string_view name);

}  // namespace aero::cost
