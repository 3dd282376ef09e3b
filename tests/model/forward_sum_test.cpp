// These tests look at what passes between norms and their readers under autocast.

#include "aero/model/norm.h"
#include "aero/ops/autocast.h"

#include "tests/model/decoders.h"
#include "tests/support/autocast.h"
#include "tests/support/own_parts.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aero::model {
namespace {

namespace own = testing_support::own;
using testing_support::Autocast;
using testing_support::normal;
using testing_support::test_device;
using testing_support::there;

constexpr std::int64_t width = 64;

ModelConfig wide(ModelConfig config) {
  config.d_model = width;
  return config;
}

torch::Tensor residual_stream() {
  return there(normal({3, 12, width}, 7).to(torch::kFloat32));
}

/// Gives function(x) and the gradient of a weighted sum of it.
template <class Function>
std::pair<torch::Tensor, torch::Tensor> differentiate(Function function) {
  const auto x = residual_stream().requires_grad_();
  const auto y = function(x);
  y.backward(there(normal(y.sizes(), 8)).to(torch::kBFloat16).to(y.scalar_type()));
  return {y.detach(), x.grad()};
}

void expect_equal(const std::pair<torch::Tensor, torch::Tensor>& actual,
                  const std::pair<torch::Tensor, torch::Tensor>& expected) {
  EXPECT_EQ(actual.first.scalar_type(), expected.first.scalar_type());
  EXPECT_TRUE(torch::equal(actual.first, expected.first));
  EXPECT_TRUE(torch::equal(actual.second, expected.second));
}

/// Gives the sum and the norm of it, and the gradients of both inputs of a weighted sum of both.
template <class Function>
std::vector<torch::Tensor> differentiate_sum(Function function) {
  const auto x = residual_stream().requires_grad_();
  const auto branch = there(normal(x.sizes(), 9).to(torch::kBFloat16)).requires_grad_();
  const ops::Summed out = function(x, branch);
  const auto weight = [&](std::uint64_t seed) { return there(normal(x.sizes(), seed)); };
  ((out.sum * weight(10)).sum() + (out.y * weight(11)).sum()).backward();
  return {out.sum.detach(), out.y.detach(), x.grad(), branch.grad()};
}

TEST(ForwardSum, IsTheSumAndForwardOfItForEachNorm) {
  const Autocast autocast(torch::kBFloat16);
  const auto config = wide(small_gpt2());
  const auto fixed = [&](double gate) {
    const auto norm = std::make_shared<FixedLayerNormImpl>(config);
    norm->forward(residual_stream().to(torch::kCPU));  // for sigma
    norm->set_gate(gate);
    return norm;
  };
  std::vector<Part> norms{make_norm(NormKind::layernorm, config),
                          make_norm(NormKind::rmsnorm, config),
                          make_norm(NormKind::none, config),
                          std::make_shared<own::DytImpl>(width),
                          fixed(1),
                          fixed(0.5),
                          fixed(0)};
  for (const auto& norm : norms) {
    SCOPED_TRACE(norm->name());
    norm->to(test_device());
    norm->eval();
    expect_equal(differentiate([&](const torch::Tensor& x) {
                   return norm->forward_sum(x, {}, /*cast=*/true).y;
                 }),
                 differentiate([&](const torch::Tensor& x) {
                   return ops::to_autocast_dtype(norm->forward(x));
                 }));
    for (const bool cast : {true, false}) {
      const auto actual = differentiate_sum(
          [&](const auto& x, const auto& branch) { return norm->forward_sum(x, branch, cast); });
      const auto expected = differentiate_sum([&](const auto& x, const auto& branch) {
        const auto sum = x + branch;
        const auto y = norm->forward(sum);
        return ops::Summed{sum, cast ? ops::to_autocast_dtype(y) : y};
      });
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(actual[i].scalar_type(), expected[i].scalar_type());
        EXPECT_TRUE(torch::equal(actual[i], expected[i])) << i;
      }
    }
  }
}

TEST(ForwardSum, OfAFixedNormAveragesTheDeviation) {
  FixedLayerNormImpl norm(wide(small_gpt2()));
  norm.to(test_device());
  norm.forward_sum(residual_stream(), {}, /*cast=*/true);
  EXPECT_GT(norm.named_buffers()["sigma"].item<double>(), 0);
}

/// Makes configs of decoders with each part that reads norms.
std::vector<ModelConfig> readers() {
  auto spectral = small_gpt2();
  spectral.ffn_form = WeightForm::spectral_norm;
  return {wide(small_gpt2()), wide(small_pythia()), wide(small_with("SM+LN+R")),
          wide(small_with("SM+ScFuFFN_i1")), wide(spectral)};
}

TEST(ForwardSum, IsWhatAttentionAndFfnsDoWithTheirInput) {
  const Autocast autocast(torch::kBFloat16);
  for (const auto& config : readers()) {
    const auto decoder = make_decoder_there(config, torch::kFloat32);
    auto& block = *decoder->blocks()[0];
    const auto attend = [&](const torch::Tensor& x) { return block.attention->forward(x); };
    const auto feed = [&](const torch::Tensor& x) { return block.ffn->forward(x); };
    expect_equal(
        differentiate([&](const torch::Tensor& x) { return attend(x.to(torch::kBFloat16)); }),
        differentiate(attend));
    ASSERT_TRUE(block.ffn->casts_input());
    expect_equal(
        differentiate([&](const torch::Tensor& x) { return feed(x.to(torch::kBFloat16)); }),
        differentiate(feed));
  }
}

/// Keeps the dtype of its input.
class WitnessImpl : public PartImpl {
 public:
  explicit WitnessImpl(bool casts) : casts_(casts) {}
  torch::Tensor forward(const torch::Tensor& x) override {
    seen = x.scalar_type();
    return x;
  }
  bool casts_input() const override { return casts_; }

  torch::ScalarType seen = torch::kBool;

 private:
  bool casts_;
};

TEST(ForwardSum, IsTakenByABlockWhereItsReaderCastsAndThereAlone) {
  for (const auto& config : {wide(small_gpt2()), wide(small_pythia())}) {
    const auto decoder = make_decoder_there(config, torch::kFloat32);
    auto& block = *decoder->blocks()[0];
    for (const bool casts : {true, false}) {
      const auto witness = std::make_shared<WitnessImpl>(casts);
      block.ffn = witness;
      {
        const Autocast autocast(torch::kFloat16);
        block.forward(residual_stream());
        EXPECT_EQ(witness->seen, casts ? torch::kFloat16 : torch::kFloat32);
      }
      block.forward(residual_stream());
      EXPECT_EQ(witness->seen, torch::kFloat32);
    }
  }
}

/// Counts how often a block asks for the cast result.
class AskedNormImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override { return x; }
  ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) override {
    casts += cast;
    return PartImpl::forward_sum(x, branch, cast);
  }

  int casts = 0;
};

/// Attention that reads its input itself.
class ReadingAttentionImpl : public ProjectedAttentionImpl {
 public:
  using ProjectedAttentionImpl::ProjectedAttentionImpl;
  bool casts_input() const override { return false; }
};

TEST(ForwardSum, IsNotTakenForAttentionThatDoesNotCast) {
  const auto config = wide(small_gpt2());
  auto decoder = make_decoder_there(config, torch::kFloat32);
  auto& block = *decoder->blocks()[0];
  const auto norm = std::make_shared<AskedNormImpl>();
  block.norm1 = norm;
  block.attention = std::make_shared<ReadingAttentionImpl>(config);
  block.attention->to(test_device());
  block.forward(residual_stream());
  EXPECT_EQ(norm->casts, 0);
}

TEST(ForwardSum, IsAskedOfBothNormsOfAResidualBlockAndOfNoOther) {
  struct Expected {
    ModelConfig config;
    int casts;
  };
  auto simplified = wide(small_simplified());
  simplified.norm = NormKind::layernorm;
  for (const auto& [config, casts] : {Expected{wide(small_gpt2()), 1},
                                      Expected{wide(small_pythia()), 1}, Expected{simplified, 0}}) {
    auto decoder = make_decoder_there(config, torch::kFloat32);
    const auto norm1 = std::make_shared<AskedNormImpl>();
    const auto norm2 = std::make_shared<AskedNormImpl>();
    const auto final_norm = std::make_shared<AskedNormImpl>();
    decoder->blocks()[0]->norm1 = norm1;
    decoder->blocks()[0]->norm2 = norm2;
    decoder->final_norm = final_norm;
    decoder->forward(make_tokens_there(2, 12));
    EXPECT_EQ(norm1->casts, casts);
    EXPECT_EQ(norm2->casts, casts);
    EXPECT_EQ(final_norm->casts, 0);
  }
}

}  // namespace
}  // namespace aero::model
