#include "aero/model/rotary.h"

namespace aero::model {
namespace {

using torch::indexing::Slice;

class NoPositionEncodingImpl : public PositionEncodingImpl {
 public:
  torch::Tensor forward(const torch::Tensor& heads, std::int64_t /*start*/) override {
    return heads;
  }

  torch::Tensor forward_rows(const torch::Tensor& heads,
                             const torch::Tensor& /*positions*/) override {
    return heads;
  }
};

class RotaryImpl : public PositionEncodingImpl {
 public:
  RotaryImpl(std::int64_t dimensions, std::int64_t context, double base) : dimensions_(dimensions) {
    // Computes angles in float32 for every dtype of the model, as Hugging Face does: a model that
    // was trained with rounded angles needs the same ones.
    const auto exponent = torch::arange(0, dimensions, 2).to(torch::kFloat32) / dimensions;
    const auto frequency = torch::pow(base, exponent).reciprocal();
    const auto position = torch::arange(context).to(torch::kFloat32);
    const auto angle = torch::outer(position, frequency);
    cos_ = register_buffer("cos", angle.cos());
    sin_ = register_buffer("sin", angle.sin());
  }

  torch::Tensor forward(const torch::Tensor& heads, std::int64_t start) override {
    const auto length = heads.size(2);
    return rotated(heads, cos_.narrow(0, start, length), sin_.narrow(0, start, length));
  }

  torch::Tensor forward_rows(const torch::Tensor& heads, const torch::Tensor& positions) override {
    const auto of_rows = [&](const torch::Tensor& table) {
      return table.index_select(0, positions).view({-1, 1, 1, dimensions_ / 2});
    };
    return rotated(heads, of_rows(cos_), of_rows(sin_));
  }

  /// The tables follow from the config.
  bool keeps_buffer(const std::string& /*name*/) const override { return false; }

 private:
  torch::Tensor rotated(const torch::Tensor& heads, const torch::Tensor& cos,
                        const torch::Tensor& sin) const {
    const auto half = dimensions_ / 2;
    const auto x1 = heads.narrow(-1, 0, half);
    const auto x2 = heads.narrow(-1, half, half);
    const auto rest = heads.narrow(-1, dimensions_, heads.size(-1) - dimensions_);
    const auto dtype = heads.scalar_type();
    return torch::cat({(x1 * cos - x2 * sin).to(dtype), (x2 * cos + x1 * sin).to(dtype), rest}, -1);
  }

  std::int64_t dimensions_;
  torch::Tensor cos_;  // [T, dimensions / 2]
  torch::Tensor sin_;
};

}  // namespace

PositionEncoding make_position_encoding(const ModelConfig& config) {
  if (config.family == Family::pythia) {
    return std::make_shared<RotaryImpl>(config.rotary_dimensions(), config.context,
                                        config.rotary_base);
  }
  return std::make_shared<NoPositionEncodingImpl>();
}

}  // namespace aero::model
