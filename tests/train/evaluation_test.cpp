#include "aero/train/evaluation.h"

#include "aero/core/error.h"
#include "aero/model/initialization.h"
#include "aero/train/entropy_statistics.h"

#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>

namespace aero::train {
namespace {

constexpr std::int64_t test_context = 8;
constexpr std::int64_t test_vocabulary = 31;

/// nanoGPT's format: tokens and nothing else.
data::Corpus corpus_of(const std::vector<std::uint16_t>& tokens,
                       const std::filesystem::path& folder) {
  std::ofstream file(folder / "val.bin", std::ios::binary);
  file.write(reinterpret_cast<const char*>(tokens.data()),
             static_cast<std::streamsize>(tokens.size() * sizeof(std::uint16_t)));
  file.close();
  return data::Corpus::open_split(folder, "val", test_context, test_vocabulary,
                                  data::TokenFormat::nanogpt);
}

std::vector<std::uint16_t> some_tokens(std::size_t count) {
  std::vector<std::uint16_t> tokens;
  for (std::size_t i = 0; i < count; ++i)
    tokens.push_back(static_cast<std::uint16_t>(i * i % test_vocabulary));
  return tokens;
}

model::Decoder some_decoder() {
  ModelConfig config;
  config.n_layer = 1;
  config.n_head = 2;
  config.d_model = 16;
  config.context = test_context;
  config.vocab_size = test_vocabulary;
  config.init_std = 0.3;
  config.dropout_residual = 0.5;
  model::Decoder decoder(config);
  model::initialize(*decoder, 1);
  return decoder;
}

/// -log p of each next token given the tokens [first, t] before it, by one forward pass a token.
double negative_log_probability(model::Decoder& decoder, const std::vector<std::uint16_t>& tokens,
                                std::size_t first, std::size_t t) {
  const torch::NoGradGuard no_grad;
  std::vector<std::int64_t> input(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                  tokens.begin() + static_cast<std::ptrdiff_t>(t) + 1);
  const auto logits = decoder->forward(torch::tensor(input, torch::kInt64).unsqueeze(0))[0][-1];
  return -logits.to(torch::kFloat64).log_softmax(0)[tokens[t + 1]].item<double>();
}

class EvaluationTest : public ::testing::Test {
 protected:
  testing_support::TemporaryFolder folder_;
  std::vector<std::uint16_t> tokens_ = some_tokens(3 * test_context + 4);
  data::Corpus corpus_ = corpus_of(tokens_, folder_.path());
  model::Decoder decoder_ = some_decoder();
};

TEST_F(EvaluationTest, KnowsWhetherItIsOfAPart) {
  EvaluationOptions options;
  options.batch_size = 1;
  for (const std::int64_t batches : {0, 3, 4}) {
    options.batches = batches;
    EXPECT_FALSE(evaluate(decoder_, corpus_, options)->is_of_a_part()) << batches;
  }
  options.batches = 2;
  EXPECT_TRUE(evaluate(decoder_, corpus_, options)->is_of_a_part());
}

TEST_F(EvaluationTest, RefusesMoreContextsThanCanBeCounted) {
  EvaluationOptions options;
  options.batch_size = 4;
  options.batches = (std::int64_t{1} << 62) + 1;
  EXPECT_THROW(evaluate(decoder_, corpus_, options), UsageError);
  EntropyOptions entropy;
  entropy.batch_size = options.batch_size;
  entropy.batches = options.batches;
  EXPECT_THROW(measure_entropy(decoder_, corpus_, entropy), UsageError);
}

TEST_F(EvaluationTest, IsTheMeanOverTheTokensOfSeparateContexts) {
  decoder_->train();
  EvaluationOptions options;
  options.batch_size = 2;
  const auto evaluation = evaluate(decoder_, corpus_, options);
  EXPECT_TRUE(decoder_->is_training()) << "evaluation gives the mode back";
  decoder_->eval();
  double sum = 0;
  for (std::size_t t = 0; t < 3 * test_context; ++t) {
    sum += negative_log_probability(decoder_, tokens_, t / test_context * test_context, t);
  }
  EXPECT_EQ(evaluation->tokens, 3 * test_context);
  EXPECT_EQ(evaluation->samples, 3);
  EXPECT_NEAR(evaluation->loss, sum / (3 * test_context), 1e-6);
  EXPECT_NEAR(evaluation->perplexity(), std::exp(evaluation->loss), 1e-12);
}

TEST_F(EvaluationTest, WithAStrideScoresEachTokenOnceWithContextBeforeIt) {
  EvaluationOptions options;
  options.batch_size = 3;
  options.stride = 3;
  const auto evaluation = evaluate(decoder_, corpus_, options);
  decoder_->eval();
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t start = 0; start + test_context + 1 <= tokens_.size(); start += 3) {
    const std::size_t from = start == 0 ? 0 : start + test_context - 3;
    for (std::size_t t = from; t < start + test_context; ++t, ++count) {
      sum += negative_log_probability(decoder_, tokens_, start, t);
    }
  }
  EXPECT_EQ(evaluation->tokens, count);
  EXPECT_NEAR(evaluation->loss, sum / static_cast<double>(count), 1e-6);
}

TEST_F(EvaluationTest, CountsTheCharactersOfThePredictedTokens) {
  EvaluationOptions options;
  options.character_counts.assign(test_vocabulary, 0);
  options.character_counts[tokens_[1]] = 3;
  const auto expected =
      3 * std::count(tokens_.begin() + 1, tokens_.begin() + 1 + 3 * test_context, tokens_[1]);
  const auto evaluation = evaluate(decoder_, corpus_, options);
  EXPECT_EQ(evaluation->characters, expected);
  EXPECT_NEAR(evaluation->loss_per_character(),
              evaluation->loss * 3 * test_context / static_cast<double>(expected), 1e-9);
}

TEST_F(EvaluationTest, StopsAfterTheAskedBatches) {
  EvaluationOptions options;
  options.batch_size = 1;
  options.batches = 2;
  EXPECT_EQ(evaluate(decoder_, corpus_, options)->samples, 2);
}

TEST_F(EvaluationTest, IsNothingWhenBrokenOff) {
  EvaluationOptions options;
  options.batch_size = 1;
  options.progress = [](std::int64_t done, std::int64_t) { return done < 2; };
  EXPECT_FALSE(evaluate(decoder_, corpus_, options).has_value());
}

TEST_F(EvaluationTest, RefusesAStrideBeyondTheContext) {
  EvaluationOptions options;
  options.stride = test_context + 1;
  EXPECT_THROW(evaluate(decoder_, corpus_, options), UsageError);
}

}  // namespace
}  // namespace aero::train
