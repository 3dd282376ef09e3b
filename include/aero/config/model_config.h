#pragma once

#include "aero/config/part_kinds.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero {

/// simplified: He and Hofmann's block (arXiv 2311.01906), the papers' "sota" rows.
enum class Family { gpt2, pythia, simplified };
/// How the negative slope of a leaky ReLU is kept: as a constant, as one parameter of each layer,
/// or as one parameter of the model.
enum class LeakySlope { fixed, layer, model };
/// Which linear layers of a block have a bias: all of them, none, or the queries and keys alone
/// (the authors' public code).
enum class BiasSet { all, none, qk };
/// How a matrix is kept: as it is; as g v / |v| by output row (weight normalisation, arXiv
/// 1602.07868); or divided by sigma(W), its largest singular value (spectral normalisation, arXiv
/// 1802.05957).
enum class WeightForm { plain, weight_norm, spectral_norm };
/// How a learned temperature t is kept: as t itself (as in the papers; nothing keeps it positive),
/// as log t, or as log(e^t - 1). none: there is no temperature.
enum class TemperatureForm { none, raw, exp, softplus };
/// Whether each head and query position has a temperature (SM(t)), or each head alone (SM(h)),
/// which folds into W_Q.
enum class TemperatureShape { position, head };
/// Which deviation the entropy penalty squares: that of a head's mean entropy (the papers'
/// algorithm), or that of each row's entropy; the squares are then summed over batch and positions
/// (the authors' code).
enum class EntropyReduction { mean, row_sum };
/// Initial std: `init_std` itself, or 1/sqrt(d_model).
enum class InitRule { fixed, width };

/// The entropy regulariser (arXiv 2501.03489): lambda times the mean over layers and heads of
/// (E - theta E_max)^2 where |E - theta E_max| > gamma E_max, E_max = ln T, theta [L, H] learned.
struct EregConfig {
  bool enabled = false;
  double lambda = 0.1;
  double gamma = 0.2;
  double theta_init = 0.5;
  EntropyReduction reduction = EntropyReduction::mean;

  bool operator==(const EregConfig&) const = default;
};

/// Initial values of the simplified block's scalars, by He and Hofmann's equations.
struct SimplifiedConfig {
  double attention_gain = 1;  ///< a
  double skip_gain = 1;       ///< m_s
  double ffn_gain = 0.1;      ///< m_r
  double shaped_init = 1;     ///< alpha, beta and gamma of the shaped attention

  bool operator==(const SimplifiedConfig&) const = default;
};

/// How a LayerNorm of the kind layernorm_fixed passes to a constant standard deviation.
struct NormFixedConfig {
  double start = 0.3;      ///< it is a LayerNorm up to this share of the training
  double end = 0.7;        ///< its deviation is constant from this share on
  double momentum = 0.99;  ///< of the running average that becomes the constant

  bool operator==(const NormFixedConfig&) const = default;
};

/// A decoder in the papers' notation: L = n_layer, H = n_head, d = d_model, d_k = d / H, T =
/// context.
struct ModelConfig {
  Family family = Family::gpt2;
  std::int64_t n_layer = 12;
  std::int64_t n_head = 12;
  std::int64_t d_model = 768;
  std::int64_t d_ffn = 0;      ///< 0: 4 d_model
  std::int64_t context = 128;  ///< T
  std::int64_t positions = 0;  ///< rows of the learned position table (gpt2); 0: context
  std::int64_t vocab_size = 50257;

  NormKind norm = NormKind::layernorm;  ///< both norms of every block
  bool final_norm = true;               ///< the norm before the head, of final_norm_kind()
  bool norm_bias = true;
  double norm_eps = 1e-5;
  NormFixedConfig norm_fixed{};

  ActivationKind activation = ActivationKind::gelu_tanh;
  LeakySlope leaky_slope = LeakySlope::layer;
  double leaky_init = 0.01;

  WeightForm ffn_form = WeightForm::plain;  ///< of the FFN's matrices
  WeightForm qk_form = WeightForm::plain;   ///< of W_Q and W_K
  WeightForm v_form = WeightForm::plain;
  WeightForm o_form = WeightForm::plain;
  bool ffn_scaled = false;  ///< ScFFN: beta X_SA + FFN(X_SA) / alpha
  double alpha_init = 0;    ///< 0: alpha_start() chooses
  double beta_init = 1;
  bool ffn_fused = false;                         ///< FuFFN: one d x d matrix
  std::int64_t ffn_pruned = 0;                    ///< _i<k>: the k deepest FFNs are absent
  std::vector<std::int64_t> ffn_pruned_layers{};  ///< instead of ffn_pruned: layers, counted from 0

  AttentionKind attention = AttentionKind::softmax;
  double two_quad_shift = 5;                            ///< c of 2Quad
  TemperatureForm temperature = TemperatureForm::none;  ///< SM(t): t [H, T] in each layer
  TemperatureShape temperature_shape = TemperatureShape::position;  ///< head: t [H, 1]
  double temperature_init = 0.01;  ///< of t itself, whatever its form
  bool attention_scaled = true;    ///< scores / sqrt(d_k); false if W_Q includes that factor
  EregConfig ereg{};
  SimplifiedConfig simplified{};

  BiasSet biases = BiasSet::all;
  bool tied_head = true;
  bool parallel_residual = false;  ///< x + attention(norm1(x)) + ffn(norm2(x))
  double rotary_fraction = 0.25;   ///< share of d_k that is rotated (pythia)
  double rotary_base = 10000;

  double dropout_embedding = 0;
  double dropout_attention = 0;
  double dropout_residual = 0;

  InitRule init = InitRule::fixed;
  double init_std = 0.02;
  bool residual_scaling = true;  ///< output projections of both branches start at std / sqrt(2 L)

  /// The modules that a program brought in place of AERO's (model::DecoderImpl::own_parts()); empty
  /// if all are AERO's.
  std::string own_parts{};

  bool has_ffn(std::int64_t layer) const;
  std::int64_t ffn_count() const;  ///< blocks that have an FFN
  std::int64_t d_head() const { return d_model / n_head; }
  std::int64_t ffn_width() const { return d_ffn != 0 ? d_ffn : 4 * d_model; }
  /// A fused FFN trains better from a stronger start than two matrices do: docs/results.md.
  double alpha_start() const { return alpha_init != 0 ? alpha_init : ffn_fused ? 0.3 : 1; }
  std::int64_t temperature_columns() const {
    return temperature_shape == TemperatureShape::head ? 1 : context;
  }
  /// Returns the kind of the blocks' norms; LayerNorm if the blocks have none (the authors' ln_f)
  /// or a fixed one; none if final_norm is off.
  NormKind final_norm_kind() const {
    if (!final_norm) return NormKind::none;
    return norm == NormKind::rmsnorm ? NormKind::rmsnorm : NormKind::layernorm;
  }
  std::int64_t position_rows() const { return positions != 0 ? positions : context; }
  /// Returns how many leading dimensions of a head the rotary embedding turns: d_k *
  /// rotary_fraction, rounded down as in GPT-NeoX. Throws UsageError if that is odd or 0, since
  /// dimensions turn in pairs.
  std::int64_t rotary_dimensions() const;

  bool operator==(const ModelConfig&) const = default;
};

}  // namespace aero
