#include "aero/model/simplified_block.h"

#include "aero/model/norm.h"

#include <cstdint>

namespace aero::model {
namespace {

NormKind first_norm(const ModelConfig& config, std::int64_t layer) {
  return config.norm == NormKind::none && layer == 0 ? NormKind::layernorm : config.norm;
}

class SimplifiedBlockImpl : public TwoBranchBlockImpl {
 public:
  SimplifiedBlockImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                      const Part& shared_activation)
      : TwoBranchBlockImpl(config, place, factory, shared_activation,
                           first_norm(config, place.layer)) {
    const auto scalar = [this](const char* name, double start) {
      return register_parameter(name, torch::full({1}, start), ParameterKind::scale);
    };
    attention_gain_ = scalar("attention_gain", config.simplified.attention_gain);
    if (!ffn) return;
    ffn_gain_ = scalar("ffn_gain", config.simplified.ffn_gain);
    if (config.parallel_residual) return;
    skip_gain_ = scalar("skip_gain", config.simplified.skip_gain);
    norm2 = norm_of(config.norm, config, place.within("norm2"), factory);
  }

 private:
  torch::Tensor join(const torch::Tensor& /*x*/, const torch::Tensor& n,
                     const torch::Tensor& attended) override {
    const auto h = attention_gain_ * dropout->forward(attended);
    if (!ffn) return h;
    if (!norm2) return h + ffn_gain_ * dropout->forward(ffn->forward(n));
    return skip_gain_ * h + ffn_gain_ * dropout->forward(ffn->forward(norm2->forward(h)));
  }

  // A parallel block has no norm2: the FFN reads the same input as attention.
  torch::Tensor attention_gain_, skip_gain_, ffn_gain_;  // a, m_s, m_r: [1]
};

}  // namespace

Block make_simplified_block(const ModelConfig& config, const Place& place,
                            const PartFactory& factory, const Part& shared_activation) {
  return std::make_shared<SimplifiedBlockImpl>(config, place, factory, shared_activation);
}

}  // namespace aero::model
