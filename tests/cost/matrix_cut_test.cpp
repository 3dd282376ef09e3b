#include "src/cost/matrix_cut.h"

#include "own_model.h"
#include "src/cost/cost_model_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>

namespace aero::cost {
namespace {

using testing::HasSubstr;

ProductCounts counts(std::int64_t m, std::int64_t k, std::int64_t n) {
  return MatrixCuts().counts(m, k, n);
}

TEST(MatrixCut, MergesResultsThatAreSeveral) {
  // SPU's log: [64, 128] x [128, 128] in blocks of 64 x 128 x 1, 128 results, merged by 128.
  const auto square = counts(64, 128, 128);
  EXPECT_EQ(square.sent, 1);
  EXPECT_EQ(square.plain, 128);
  EXPECT_EQ(square.merges, 128);
  EXPECT_EQ(square.lone, 0);
  EXPECT_EQ(square.whole, 1);
  EXPECT_EQ(square.halves, 0);
  // 32 results for a tree of 128 leaves: on two levels each of them is alone.
  EXPECT_EQ(counts(16, 128, 128).merges, 32);
  EXPECT_EQ(counts(16, 128, 128).lone, 64);
}

TEST(MatrixCut, SendsBackByPartsWhatIsOneResult) {
  // [5, 5] x [5, 16] is one block of depth 5, which is no power of two.
  const auto one = counts(5, 5, 16);
  EXPECT_EQ(one.sent, 1);
  EXPECT_EQ(one.merges, 0);
  EXPECT_EQ(one.whole, 0);
  EXPECT_EQ(one.halves, 1);
  EXPECT_EQ(one.kept, 80);
  // [24, 24] x [24, 16] would be one result of two ciphertexts; by depth 24 it is two of one.
  const auto two = counts(24, 24, 16);
  EXPECT_EQ(two.sent, 1);
  EXPECT_EQ(two.halves, 2);
  EXPECT_EQ(two.kept, 384);
}

TEST(MatrixCut, MergesNumbersThatAreFewerThanABlockIsDeep) {
  // 128 numbers: a tree of 127 merges, and six doublings to 8,192.
  EXPECT_EQ(counts(1, 2048, 128).merges, 127 + 6);
  EXPECT_EQ(counts(1, 2048, 128).lone, 0);
  EXPECT_EQ(counts(1, 2048, 128).whole, 1);
}

TEST(MatrixCut, SplitsLargeOperands) {
  // 50,257 x 768 numbers of 8 bytes are 309 MB: SPU's kernel runs twice, for depths of 43,634 and
  // 6,623.
  const auto whole = counts(1, 50257, 768);
  EXPECT_EQ(whole.sent, counts(1, 43634, 768).sent + counts(1, 6623, 768).sent);
  EXPECT_EQ(whole.whole, 2);
}

TEST(MatrixCut, TakesTheLargestSizesThereAre) {
  const auto largest =
      counts(MatrixCuts::largest_size, MatrixCuts::largest_size, MatrixCuts::largest_size);
  EXPECT_TRUE(std::isfinite(largest.sent) && largest.sent > 0);
}

TEST(MatrixCut, IsCheckedInFormulas) {
  const auto of = [](const std::string& formula) {
    return with(own_model, "\"3 * work(n)\"", "\"" + formula + "\"");
  };
  EXPECT_THAT(usage_error([&] { load(of("spu_sent(n, n) * byte")); }),
              HasSubstr("primitives.relu.bytes: \"spu_sent(n, n) * byte\": spu_sent(m, k, n) takes "
                        "3 arguments, not 2"));
  EXPECT_THAT(usage_error([&] { load(of("spu_sent(n, n, byte) * byte")); }),
              HasSubstr("spu_sent() takes plain numbers, not bytes"));
  EXPECT_THAT(usage_error([&] { load(of("spu_cent(n, n, n) * byte")); }),
              HasSubstr("unknown function \"spu_cent\", did you mean \"spu_sent\"?"));
  EXPECT_THAT(usage_error([&] { load(with(own_model, "\"softmax\": {", "\"spu_sent\": {")); }),
              HasSubstr("primitives.spu_sent: "));
}

TEST(MatrixCut, RefusesSizesThatAreNone) {
  const auto model = load(with(own_model, "\"3 * work(n)\"", "\"spu_sent(n / 3, n, 2) * byte\""));
  ModelConfig config;
  config.n_layer = 1;
  config.n_head = 1;
  config.d_model = 8;
  config.context = 4;
  config.vocab_size = 10;
  config.norm = NormKind::none;
  config.final_norm = false;
  config.activation = ActivationKind::relu;
  EXPECT_THAT(usage_error([&] { model.price(config, whole_context(config)); }),
              HasSubstr("own.json: primitives.relu.bytes: \"spu_sent(n / 3, n, 2) * byte\": "
                        "spu_sent(42.666666666666664, 128, 2): sizes are whole numbers from 1 to"));
}

/// Bytes that SPU's log gave for products between two parties (tests/private/measure_products.py).
TEST(MatrixCut, GivesTheBytesThatWereMeasured) {
  std::ifstream file(AERO_SOURCE_DIR "/tests/cost/spu_product_bytes.json");
  const auto measured = nlohmann::json::parse(file);
  const auto description =
      read_cost_model(open_cost_file("spu_0.9.5_default_colocated", cost_models()));
  PrimitivePrices prices(description.book, {});
  ASSERT_GE(measured.at("products").size(), 576U);
  for (const auto& product : measured.at("products")) {
    const auto numbers = product.get<std::vector<double>>();
    const double bytes = numbers.at(3);
    const auto price =
        prices.price("ciphertexts", Quantity::bytes, {numbers[0], numbers[1], numbers[2]});
    EXPECT_NEAR(*price, bytes, 0.002 * bytes) << product;
  }
}

}  // namespace
}  // namespace aero::cost
