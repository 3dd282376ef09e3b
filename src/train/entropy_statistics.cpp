#include "aero/train/entropy_statistics.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/train/precision.h"

#include "evaluation_mode.h"
#include "first_contexts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace aero::train {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Adds up row entropies over batches.
class EntropySums {
 public:
  explicit EntropySums(const ModelConfig& config)
      : context_(config.context),
        heads_(config.n_head),
        layers_(static_cast<std::size_t>(config.n_layer)) {}

  /// Adds `row_entropy`, [B, H, T] for each layer, undefined where a block has none.
  void add(const std::vector<torch::Tensor>& row_entropy) {
    const std::vector<std::int64_t> batch_and_rows{
        0, 2};  // bare {0, 2}: ambiguous before LibTorch 2.13
    std::int64_t rows = 0;
    for (std::size_t l = 0; l < row_entropy.size(); ++l) {
      if (!row_entropy[l].defined()) continue;
      rows = row_entropy[l].size(0) * row_entropy[l].size(2);
      const auto wide = row_entropy[l].detach().to(torch::kFloat64);
      const auto finite = torch::isfinite(wide);
      add_to(layers_[l].sum, wide.masked_fill(finite.logical_not(), 0).sum(batch_and_rows));
      add_to(layers_[l].finite, finite.sum(batch_and_rows));
    }
    rows_ += rows;
  }

  /// Adds what other ranks have added up. Returns whether none of them was stopped.
  bool sum_over(const dist::Communicator& communicator, bool is_stopped, torch::Device device) {
    if (communicator.is_alone()) return !is_stopped;
    const auto options = torch::device(device).dtype(torch::kFloat64);
    const auto none = torch::zeros({heads_}, options);
    const auto number = [&](double value) { return torch::full({1}, value, options); };
    std::vector<torch::Tensor> parts{number(is_stopped ? 1 : 0),
                                     number(static_cast<double>(rows_))};
    for (const Layer& layer : layers_) {
      const bool has_rows = layer.sum.defined();
      parts.insert(parts.end(), {number(has_rows ? 1 : 0), has_rows ? layer.sum : none,
                                 has_rows ? layer.finite.to(torch::kFloat64) : none});
    }
    const auto all = torch::cat(parts);
    communicator.sum(all);
    rows_ = static_cast<std::int64_t>(all[1].item<double>());
    auto place = std::int64_t{2};
    for (Layer& layer : layers_) {
      if (all[place].item<double>() > 0) {
        layer.sum = all.narrow(0, place + 1, heads_);
        layer.finite = all.narrow(0, place + 1 + heads_, heads_).to(torch::kInt64);
      }
      place += 1 + 2 * heads_;
    }
    return all[0].item<double>() == 0;
  }

  EntropyStatistics result() const {
    EntropyStatistics result;
    const auto context = static_cast<double>(context_);
    result.largest_possible = std::log(context);
    result.uniform = std::lgamma(context + 1) / context;
    result.rows = rows_;
    for (const Layer& layer : layers_) {
      const auto none = torch::full({heads_}, nan, torch::kFloat64);
      const auto mean = layer.sum.defined() ? (layer.sum / layer.finite).cpu() : none;
      const auto* const first = mean.data_ptr<double>();
      result.mean.emplace_back(first, first + mean.numel());
      const auto finite = layer.sum.defined() ? layer.finite.sum().item<std::int64_t>() : 0;
      result.nonfinite_rows.push_back(layer.sum.defined() ? rows_ * heads_ - finite : 0);
    }
    return result;
  }

 private:
  /// Tensors [H] on the model's device, so that no batch waits for the one before. Undefined where
  /// a block has no rows.
  struct Layer {
    torch::Tensor sum;
    torch::Tensor finite;  // count of finite rows
  };

  static void add_to(torch::Tensor& sum, const torch::Tensor& share) {
    sum = sum.defined() ? sum + share : share;
  }

  std::int64_t context_;
  std::int64_t heads_;
  std::vector<Layer> layers_;
  std::int64_t rows_ = 0;
};

ByHead heads_of(const torch::Tensor& values) {
  const auto table = values.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  ByHead result;
  for (std::int64_t l = 0; l < table.size(0); ++l) {
    const auto* const first = table[l].data_ptr<double>();
    result.emplace_back(first, first + table.size(1));
  }
  return result;
}

}  // namespace

std::array<double, 4> EntropyStatistics::bins() const {
  std::vector<double> heads;
  for (const auto& layer : mean) {
    std::ranges::copy_if(layer, std::back_inserter(heads), [](double e) { return !std::isnan(e); });
  }
  std::array<double, 4> shares{};
  if (heads.empty()) return shares;
  const double largest = *std::ranges::max_element(heads);
  for (const double entropy : heads) {
    const double quarter = largest > 0 ? std::floor(4 * entropy / largest) : 0;
    shares.at(static_cast<std::size_t>(std::clamp(quarter, 0.0, 3.0))) +=
        1 / static_cast<double>(heads.size());
  }
  return shares;
}

double EntropyStatistics::layer_mean(std::size_t layer) const {
  double sum = 0;
  double count = 0;
  for (const double entropy : mean.at(layer)) {
    if (std::isnan(entropy)) continue;
    sum += entropy;
    ++count;
  }
  return count == 0 ? nan : sum / count;
}

std::optional<EntropyStatistics> measure_entropy(model::Decoder& decoder,
                                                 const data::Corpus& corpus,
                                                 const EntropyOptions& options) {
  const torch::NoGradGuard no_grad;
  const EvaluationMode mode(decoder);
  const auto all = first_contexts(corpus.size(), options.batches, options.batch_size);
  if (all == 0) throw Error("entropy: the split is shorter than one context");
  EntropySums sums(decoder->config());
  std::int64_t batch = 0;
  bool is_stopped = false;
  for (std::int64_t first = 0; first < all; first += options.batch_size) {
    const auto& ranks = options.communicator;
    if (is_stopped || batch++ % ranks.ranks() != ranks.rank()) continue;
    is_stopped = options.proceed && !options.proceed();
    if (is_stopped) continue;
    std::vector<std::int64_t> indices(
        static_cast<std::size_t>(std::min(options.batch_size, all - first)));
    std::iota(indices.begin(), indices.end(), first);
    const AutocastGuard autocast(decoder->device(), options.precision);
    std::vector<torch::Tensor> row_entropy;
    decoder->hidden(corpus.batch(indices).inputs.to(decoder->device()), &row_entropy);
    sums.add(row_entropy);
  }
  if (!sums.sum_over(options.communicator, is_stopped, decoder->device())) return std::nullopt;
  return sums.result();
}

EntropyStatistics measure_entropy(model::Decoder& decoder, const torch::Tensor& tokens) {
  const torch::NoGradGuard no_grad;
  const EvaluationMode mode(decoder);
  EntropySums sums(decoder->config());
  std::vector<torch::Tensor> row_entropy;
  decoder->hidden(tokens, &row_entropy);
  sums.add(row_entropy);
  return sums.result();
}

LearnedScalars learned_scalars(model::DecoderImpl& decoder) {
  const torch::NoGradGuard no_grad;
  LearnedScalars scalars;
  const auto parameters = decoder.named_parameters();
  // A part that a program brought may have a parameter of that name which is no scalar.
  const auto scalar = [&](const std::string& name) {
    const auto* const found = parameters.find(name);
    return found != nullptr && found->numel() == 1 ? found : nullptr;
  };
  const auto layers = decoder.blocks().size();
  const auto none =
      torch::full({}, nan, torch::device(decoder.head_weight().device()).dtype(torch::kFloat64));
  const auto add = [&](const std::string& name, const std::string& parameter) {
    std::vector<torch::Tensor> values;
    bool any = false;
    for (std::size_t l = 0; l < layers; ++l) {
      const auto* found = scalar(fmt::format("blocks.{}.{}", l, parameter));
      any = any || found != nullptr;
      values.push_back(found != nullptr ? found->detach().reshape({}).to(torch::kFloat64) : none);
    }
    if (!any) return;
    const auto read =
        torch::stack(values).cpu();  // all at once, because each read waits for the device
    const auto* const first = read.data_ptr<double>();
    scalars.by_layer[name] = ByLayer(first, first + read.numel());
  };
  add("slopes", "ffn.activation.slope");
  for (const char* name : {"alpha", "beta", "attention_gain", "skip_gain", "ffn_gain"}) {
    add(name, name);
  }
  if (const auto* slope = scalar("activation.slope")) {
    scalars.by_layer["slopes"] = {slope->item<double>()};
  }
  if (const auto* thresholds = parameters.find("thresholds")) {
    scalars.by_head["thresholds"] = heads_of(*thresholds);
  }
  if (decoder.config().temperature != TemperatureForm::none) {
    const auto& config = decoder.config();
    std::vector<torch::Tensor> temperatures;  // [H, T] of each layer
    for (const auto& block : decoder.blocks()) {
      const auto* const attention = block->attention.peek();
      const auto t = attention != nullptr ? attention->temperature() : torch::Tensor();
      temperatures.push_back(
          t.defined() ? t
                      : torch::full({config.n_head, config.temperature_columns()}, nan,
                                    decoder.head_weight().options().requires_grad(false)));
    }
    const auto all = torch::stack(temperatures);
    scalars.by_head["temperature"] = heads_of(all.mean(-1));
    scalars.by_head["temperature_min"] = heads_of(all.amin(-1));
  }
  return scalars;
}

}  // namespace aero::train
