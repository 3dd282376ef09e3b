#include "aero/model/simplified_block.h"

#include "aero/model/norm.h"

namespace aero::model {
namespace {

NormKind first_norm(const ModelConfig& config, std::int64_t layer) {
  return config.norm == NormKind::none && layer == 0 ? NormKind::layernorm : config.norm;
}

class SimplifiedBlockImpl : public BlockImpl {
 public:
  SimplifiedBlockImpl(const ModelConfig& config, std::int64_t layer, const Part& shared_activation)
      : BlockImpl(config, layer, shared_activation, first_norm(config, layer)) {
    const auto scalar = [this](const char* name, double start) {
      return register_parameter(name, torch::full({1}, start));
    };
    attention_gain_ = scalar("attention_gain", config.simplified.attention_gain);
    if (!ffn) return;
    ffn_gain_ = scalar("ffn_gain", config.simplified.ffn_gain);
    if (config.parallel_residual) return;
    skip_gain_ = scalar("skip_gain", config.simplified.skip_gain);
    norm2_ = register_module("norm2", make_norm(config.norm, config));
  }

 private:
  torch::Tensor join(const torch::Tensor& /*x*/, const torch::Tensor& n,
                     const torch::Tensor& attended) override {
    const auto h = attention_gain_ * dropout->forward(attended);
    if (!ffn) return h;
    if (!norm2_) return h + ffn_gain_ * dropout->forward(ffn->forward(n));
    return skip_gain_ * h + ffn_gain_ * dropout->forward(ffn->forward(norm2_->forward(h)));
  }

  torch::Tensor attention_gain_, skip_gain_, ffn_gain_;  // a, m_s, m_r: [1]
  Part norm2_;  // null in the parallel block, whose FFN reads what attention reads
};

}  // namespace

Block make_simplified_block(const ModelConfig& config, std::int64_t layer,
                            const Part& shared_activation) {
  return std::make_shared<SimplifiedBlockImpl>(config, layer, shared_activation);
}

}  // namespace aero::model
