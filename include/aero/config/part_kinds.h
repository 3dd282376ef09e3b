#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace aero {

/// A kind of a part, as an architecture's name gives it. The names in configs, the notation and the
/// documentation follow from these rows.
template <class Kind>
struct PartKind {
  Kind kind;
  std::string_view name;     ///< in a config
  std::string_view letter;   ///< in an architecture's name; empty for an absent part
  std::string_view meaning;  ///< empty if the name says it
};

/// How scores s become weights over the visible keys.
enum class AttentionKind { softmax, two_quad, relu };
inline constexpr std::array<PartKind<AttentionKind>, 3> attention_kinds{{
    {AttentionKind::softmax, "softmax", "SM", ""},
    // arXiv 2211.01452
    {AttentionKind::two_quad, "two_quad", "2Q", "(s + c)^2 divided by its sum (MPCFormer)"},
    // arXiv 2309.08586
    {AttentionKind::relu, "relu", "RA", "max(s, 0) divided by the number of visible keys"},
}};

/// The norms of the blocks.
enum class NormKind { layernorm, rmsnorm, layernorm_fixed, none };
inline constexpr std::array<PartKind<NormKind>, 4> norm_kinds{{
    {NormKind::layernorm, "layernorm", "LN", ""},
    {NormKind::rmsnorm, "rmsnorm", "RMS", ""},
    {NormKind::layernorm_fixed, "layernorm_fixed", "LNf",
     "a LayerNorm whose standard deviation becomes a constant in the course of the training, so "
     "that it folds into the matrices after it"},
    {NormKind::none, "none", "", ""},
}};

/// The function between the two matrices of the FFN. Of kinds that share a letter, the letter means
/// the first, unless the family decides otherwise (family_gelu()).
enum class ActivationKind { gelu, gelu_tanh, relu, leaky_relu, quadratic, none };
inline constexpr std::array<PartKind<ActivationKind>, 6> activation_kinds{{
    {ActivationKind::gelu, "gelu", "G", "the exact one (erf)"},
    {ActivationKind::gelu_tanh, "gelu_tanh", "G", "GPT-2's approximation of it"},
    {ActivationKind::relu, "relu", "R", ""},
    {ActivationKind::leaky_relu, "leaky_relu", "LR", ""},
    // arXiv 2211.01452
    {ActivationKind::quadratic, "quadratic", "Q", "0.125 x^2 + 0.25 x + 0.5 (MPCFormer)"},
    {ActivationKind::none, "none", "", "the identity"},
}};

/// Whether the rows of a table are in the order of their enum, by which readers index them.
template <class Row, std::size_t count, class Kind>
constexpr bool stand_in_order(const std::array<Row, count>& rows, Kind Row::*kind) {
  for (std::size_t i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(rows[i].*kind) != i) return false;
  }
  return true;
}
static_assert(stand_in_order(attention_kinds, &PartKind<AttentionKind>::kind));
static_assert(stand_in_order(norm_kinds, &PartKind<NormKind>::kind));
static_assert(stand_in_order(activation_kinds, &PartKind<ActivationKind>::kind));

}  // namespace aero
