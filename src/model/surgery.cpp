#include "aero/model/surgery.h"

#include "aero/config/enum_names.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include "temperature.h"

#include <array>
#include <cmath>
#include <set>

// scripts/aero/private/program/folding.py does the work of fold_forms(), fold_norms() and
// fold_scales() a second time, in NumPy, as an independent check.
// tests/private/test_same_folding.py compares the two.

namespace aero::model {
namespace {

using Weights = std::map<std::string, torch::Tensor>;

std::string block(std::int64_t layer) {
  return fmt::format("blocks.{}.", layer);
}

torch::Tensor take(Weights& weights, const std::string& name) {
  const auto found = weights.find(name);
  if (found == weights.end()) {
    throw Error(
        fmt::format("weights: \"{}\" is missing; the checkpoint does not fit its config", name));
  }
  auto tensor = found->second;
  weights.erase(found);
  return tensor;
}

/// Multiplies a tensor by a number, where there is such a tensor.
void scale(Weights& weights, const std::string& name, double factor) {
  const auto found = weights.find(name);
  if (found == weights.end()) return;
  const auto dtype = found->second.scalar_type();
  found->second = (found->second.to(torch::kFloat64) * factor).to(dtype);
}

void scale_linear(Weights& weights, const std::string& linear, double factor) {
  scale(weights, linear + ".weight", factor);
  scale(weights, linear + ".bias", factor);
}

double scalar(Weights& weights, const std::string& name) {
  return take(weights, name).item<double>();
}

/// Replaces the normalised matrix of a linear layer by a plain one.
void fold_form(Weights& weights, const std::string& linear) {
  const auto name = linear + ".weight";
  const bool has_gain = weights.contains(linear + ".gain");
  const bool has_vectors = weights.contains(linear + ".u");
  if (!has_gain && !has_vectors) return;
  const auto stored = take(weights, name);
  auto matrix = stored.to(torch::kFloat64);
  if (has_gain) {
    const auto gain = take(weights, linear + ".gain").to(torch::kFloat64);
    matrix = matrix * (gain / matrix.norm(2, 1)).unsqueeze(1);
  } else {
    const auto u = take(weights, linear + ".u").to(torch::kFloat64);
    const auto v = take(weights, linear + ".v").to(torch::kFloat64);
    matrix = matrix / torch::dot(u, torch::mv(matrix, v));
  }
  weights[name] = matrix.to(stored.scalar_type());
}

/// Refuses other parts than AERO's, whose names and equations surgery depends on.
void require_known_parts(const ModelConfig& config) {
  if (config.own_parts.empty()) return;
  throw UsageError(fmt::format(
      "model.own_parts: \"{}\": only models of AERO's parts can be fused, pruned and folded",
      config.own_parts));
}

constexpr std::array ffn_matrices{"ffn.w_in", "ffn.w_out", "ffn.w"};
constexpr std::array attention_matrices{"attention.q", "attention.k", "attention.v", "attention.o"};

void fold_ffn_forms(TrainedModel& model) {
  for (std::int64_t l = 0; l < model.config.n_layer; ++l) {
    for (const char* linear : ffn_matrices) fold_form(model.weights, block(l) + linear);
  }
  model.config.ffn_form = WeightForm::plain;
}

void fuse_ffn(Weights& weights, const std::string& ffn) {
  const auto w_in = take(weights, ffn + "w_in.weight");
  const auto w_out = take(weights, ffn + "w_out.weight").to(torch::kFloat64);
  const auto dtype = w_in.scalar_type();
  weights[ffn + "w.weight"] = torch::mm(w_out, w_in.to(torch::kFloat64)).to(dtype);
  if (!weights.contains(ffn + "w_in.bias")) return;
  const auto b_in = take(weights, ffn + "w_in.bias").to(torch::kFloat64);
  const auto b_out = take(weights, ffn + "w_out.bias").to(torch::kFloat64);
  weights[ffn + "w.bias"] = (torch::mv(w_out, b_in) + b_out).to(dtype);
}

void require_foldable(const ModelConfig& config) {
  if (config.family == Family::simplified) {
    throw UsageError(
        "model.family: \"simplified\": no matrix can take up the scalars of its block; only the "
        "families gpt2 and pythia fold their scales");
  }
  if (config.ffn_scaled && config.norm != NormKind::none) {
    throw UsageError(fmt::format(
        "model.norm: \"{}\": beta scales the residual stream, and a norm's eps would have to "
        "follow it from layer to layer; only blocks without norms fold their scales",
        enum_name(config.norm)));
  }
}

/// Returns the product of all beta. Throws UsageError where a beta or an alpha has no inverse.
double product_of_beta(const TrainedModel& model) {
  double product = 1;
  for (std::int64_t l = 0; l < model.config.n_layer; ++l) {
    if (!model.config.has_ffn(l)) continue;
    for (const char* name : {"alpha", "beta"}) {
      const auto value = model.weights.at(block(l) + name).item<double>();
      if (value == 0 || !std::isfinite(value)) {
        throw UsageError(
            fmt::format("weights: \"{}{}\": {:f} has no inverse; its scales cannot be folded",
                        block(l), name, value));
      }
    }
    product *= model.weights.at(block(l) + "beta").item<double>();
  }
  return product;
}

/// Multiplies the embeddings by 1 / c_0, so that c_L = 1 where the head reads the stream.
void scale_embeddings(TrainedModel& model, double product) {
  auto& [config, weights] = model;
  if (config.tied_head && config.final_norm_kind() == NormKind::none) {
    weights["head.weight"] = weights.at("tokens.weight").clone();
    config.tied_head = false;
  } else if (config.tied_head) {
    scale_linear(weights, "final_norm", 1 / product);
  }
  scale(weights, "tokens.weight", product);
  scale(weights, "positions.weight", product);
}

void fold_ffn_scales(TrainedModel& model) {
  auto& [config, weights] = model;
  const double product = product_of_beta(model);
  scale_embeddings(model, product);
  double c = 1 / product;  // X = c X'
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    const auto layer = block(l);
    for (const char* reader : {"attention.q.weight", "attention.k.weight", "attention.v.weight"}) {
      scale(weights, layer + reader, c);
    }
    scale_linear(weights, layer + "attention.o", 1 / c);
    if (!config.has_ffn(l)) continue;
    const double alpha = scalar(weights, layer + "alpha");
    const double beta = scalar(weights, layer + "beta");
    const double output = 1 / (alpha * beta * c);
    scale(weights, layer + "ffn.w_in.weight", c);
    scale_linear(weights, layer + "ffn.w_out", output);
    scale(weights, layer + "ffn.w.weight", c);
    scale_linear(weights, layer + "ffn.w", output);
    c *= beta;
  }
  config.ffn_scaled = false;
}

void fold_head_temperatures(TrainedModel& model) {
  auto& [config, weights] = model;
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    const auto q = block(l) + "attention.q";
    const auto stored = take(weights, block(l) + "attention.temperature").to(torch::kFloat64);
    const auto t = temperature_from(stored.squeeze(-1), config.temperature);
    const auto by_row = t.repeat_interleave(config.d_head());
    for (const auto& [name, divisor] :
         {std::pair{q + ".weight", by_row.unsqueeze(-1)}, {q + ".bias", by_row}}) {
      const auto found = weights.find(name);
      if (found == weights.end()) continue;
      const auto dtype = found->second.scalar_type();
      found->second = (found->second.to(torch::kFloat64) / divisor).to(dtype);
    }
  }
  config.temperature = TemperatureForm::none;
  config.temperature_shape = TemperatureShape::position;
}

/// A norm at gate 0: y = gain (x - mean) + bias.
struct LinearNorm {
  torch::Tensor gain;
  torch::Tensor bias;  // undefined without one
};

LinearNorm take_norm(Weights& weights, const std::string& norm) {
  const double gate = scalar(weights, norm + ".gate");
  const double sigma = scalar(weights, norm + ".sigma");
  if (gate != 0) {
    throw UsageError(fmt::format(
        "weights: \"{}.gate\": {:f}: the norm still takes the deviation of each row; train on "
        "to model.norm_fixed.end, where the gate is 0",
        norm, gate));
  }
  if (!(sigma > 0)) {
    throw UsageError(fmt::format(
        "weights: \"{}.sigma\": {:f}: no deviation to divide by; the norm was never trained at "
        "gate 1",
        norm, sigma));
  }
  LinearNorm result{take(weights, norm + ".weight").to(torch::kFloat64) / sigma, {}};
  if (weights.contains(norm + ".bias")) {
    result.bias = take(weights, norm + ".bias").to(torch::kFloat64);
  }
  return result;
}

/// Replaces W by W diag(gain) (I - 1 1^T / d), and b by b + W bias.
void fold_norm_into(Weights& weights, const std::string& linear, const LinearNorm& norm) {
  const auto found = weights.find(linear + ".weight");
  if (found == weights.end()) return;
  const auto stored = found->second;
  const auto matrix = stored.to(torch::kFloat64);
  const auto scaled = matrix * norm.gain;
  found->second = (scaled - scaled.mean(1, true)).to(stored.scalar_type());
  if (!norm.bias.defined()) return;
  auto& bias =
      weights.try_emplace(linear + ".bias", torch::zeros({stored.size(0)}, stored.options()))
          .first->second;
  bias = (bias.to(torch::kFloat64) + torch::mv(matrix, norm.bias)).to(stored.scalar_type());
}

/// Adds a bias of zeros where the layer has none, for a config with biases everywhere.
void add_missing_biases(Weights& weights, const std::string& linear) {
  const auto found = weights.find(linear + ".weight");
  if (found == weights.end()) return;
  const auto& matrix = found->second;
  weights.try_emplace(linear + ".bias", torch::zeros({matrix.size(0)}, matrix.options()));
}

void fold_attention_scale(TrainedModel& model) {
  const double factor = 1 / std::sqrt(static_cast<double>(model.config.d_head()));
  for (std::int64_t l = 0; l < model.config.n_layer; ++l) {
    scale_linear(model.weights, block(l) + "attention.q", factor);
  }
  model.config.attention_scaled = false;
}

}  // namespace

TrainedModel fold_forms(const TrainedModel& model) {
  require_known_parts(model.config);
  auto result = model;
  fold_ffn_forms(result);
  for (std::int64_t l = 0; l < result.config.n_layer; ++l) {
    for (const char* linear : attention_matrices) fold_form(result.weights, block(l) + linear);
  }
  auto& config = result.config;
  config.qk_form = config.v_form = config.o_form = WeightForm::plain;
  return result;
}

TrainedModel fuse_ffns(const TrainedModel& model) {
  require_known_parts(model.config);
  if (model.config.activation != ActivationKind::none) {
    throw UsageError(
        "model.activation: an FFN with an activation between its matrices has no fused form; only "
        "models without one can be fused");
  }
  auto result = model;
  fold_ffn_forms(result);
  if (result.config.ffn_fused) return result;
  for (std::int64_t l = 0; l < result.config.n_layer; ++l) {
    if (result.config.has_ffn(l)) fuse_ffn(result.weights, block(l) + "ffn.");
  }
  result.config.ffn_fused = true;
  result.config.d_ffn = 0;
  return result;
}

TrainedModel prune_ffns(const TrainedModel& model, const std::vector<std::int64_t>& layers) {
  require_known_parts(model.config);
  auto result = model;
  auto& config = result.config;
  std::set<std::int64_t> pruned;
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    if (!config.has_ffn(l)) pruned.insert(l);
  }
  for (const std::int64_t layer : layers) {
    if (layer < 0 || layer >= config.n_layer) {
      throw UsageError(fmt::format("layer {} is not there; the model has layers 0 to {}", layer,
                                   config.n_layer - 1));
    }
    pruned.insert(layer);
    std::erase_if(result.weights, [&](const auto& item) {
      const auto& name = item.first;
      for (const char* part : {"ffn.", "norm2.", "alpha", "beta", "skip_gain", "ffn_gain"}) {
        if (name.starts_with(block(layer) + part)) return true;
      }
      return false;
    });
  }
  const auto count = static_cast<std::int64_t>(pruned.size());
  const bool are_deepest = pruned.empty() || *pruned.begin() == config.n_layer - count;
  config.ffn_pruned = are_deepest ? count : 0;
  config.ffn_pruned_layers.clear();
  if (!are_deepest) config.ffn_pruned_layers.assign(pruned.begin(), pruned.end());
  return result;
}

TrainedModel fold_scales(const TrainedModel& model) {
  require_known_parts(model.config);
  require_foldable(model.config);
  auto result = fold_forms(model);
  if (result.config.ffn_scaled) fold_ffn_scales(result);
  if (result.config.attention_scaled) fold_attention_scale(result);
  const bool by_head = result.config.temperature_shape == TemperatureShape::head;
  if (by_head && result.config.temperature != TemperatureForm::none) fold_head_temperatures(result);
  return result;
}

TrainedModel fold_norms(const TrainedModel& model) {
  require_known_parts(model.config);
  if (model.config.norm != NormKind::layernorm_fixed) {
    throw UsageError(fmt::format(
        "model.norm: \"{}\": only norms of the kind layernorm_fixed are linear and fold",
        enum_name(model.config.norm)));
  }
  auto result = fold_forms(model);
  auto& [config, weights] = result;
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    const auto before_attention = take_norm(weights, block(l) + "norm1");
    for (const char* reader : {"attention.q", "attention.k", "attention.v"}) {
      fold_norm_into(weights, block(l) + reader, before_attention);
    }
    if (!config.has_ffn(l)) continue;
    const auto before_ffn = take_norm(weights, block(l) + "norm2");
    for (const char* reader : {"ffn.w_in", "ffn.w"}) {
      fold_norm_into(weights, block(l) + reader, before_ffn);
    }
  }
  if (config.norm_bias && config.biases != BiasSet::all) {
    config.biases = BiasSet::all;
    for (std::int64_t l = 0; l < config.n_layer; ++l) {
      for (const char* linear : attention_matrices) add_missing_biases(weights, block(l) + linear);
      for (const char* linear : ffn_matrices) add_missing_biases(weights, block(l) + linear);
    }
  }
  config.norm = NormKind::none;
  return result;
}

}  // namespace aero::model
