#include "aero/data/corpus.h"

#include "aero/core/error.h"

#include <torch/torch.h>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/data/token_bytes.h"
#include <numeric>

namespace aero::data {
namespace {

using nlohmann::json;
using test::AeroFile;
using test::Folder;
using test::packed;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> counting(std::int64_t first, std::size_t count) {
  std::vector<std::int64_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

json manifest_of(const json& splits) {
  return {{"format", "aero-corpus"},
          {"version", 1},
          {"splits", splits},
          {"layout", "stream"},
          {"tokenizer",
           {{"kind", "bpe"},
            {"file", "tokenizer.json"},
            {"vocab_size", 100},
            {"eos", "<|endoftext|>"},
            {"eos_id", 0}}}};
}

json shard(const std::string& file, int tokens) {
  return {{"file", file}, {"tokens", tokens}, {"documents", 3}, {"sha256", ""}};
}

/// Two stream shards of 8 and 5 tokens: 0…7 and 20…24.
void write_stream(const Folder& folder) {
  folder.write("train-0.tok", AeroFile{.tokens = counting(0, 8), .characters = 30}.bytes());
  folder.write("train-1.tok", AeroFile{.tokens = counting(20, 5), .characters = 12}.bytes());
  folder.write("manifest.json",
               manifest_of({{"train", {shard("train-0.tok", 8), shard("train-1.tok", 5)}},
                            {"val", json::array()}})
                   .dump());
}

template <typename Fault>
std::string open_fault(const std::filesystem::path& path, const std::string& split,
                       std::int64_t context = 3, std::int64_t vocab_size = 100) {
  return test::message_of<Fault>([&] { Corpus::open_split(path, split, context, vocab_size); });
}

TEST(Corpus, CutsAStreamIntoSamplesWithinEachShard) {
  const Folder folder;
  write_stream(folder);
  const Corpus corpus = Corpus::open_split(folder.path(), "train", 3, 100);
  EXPECT_EQ(corpus.size(), 2 + 1);
  const std::vector<std::int64_t> indices = {2, 0, 1};
  const Batch batch = corpus.batch(indices);
  EXPECT_TRUE(torch::equal(batch.inputs,
                           torch::tensor({{20, 21, 22}, {0, 1, 2}, {3, 4, 5}}, torch::kLong)));
  EXPECT_TRUE(torch::equal(batch.targets,
                           torch::tensor({{21, 22, 23}, {1, 2, 3}, {4, 5, 6}}, torch::kLong)));
}

TEST(Corpus, GivesNoTargetToTheLastTokenOfAChunk) {
  const Folder folder;
  const auto path =
      folder.write("t", AeroFile{.tokens = counting(1, 6), .layout = 1, .chunk = 3}.bytes());
  const Corpus corpus = Corpus::open_split(path, "train", 3, 100);
  EXPECT_EQ(corpus.size(), 2);
  const std::vector<std::int64_t> indices = {1};
  const Batch batch = corpus.batch(indices);
  EXPECT_TRUE(torch::equal(batch.inputs, torch::tensor({{4, 5, 6}}, torch::kLong)));
  EXPECT_TRUE(torch::equal(batch.targets, torch::tensor({{5, 6, -100}}, torch::kLong)));
}

TEST(Corpus, JoinsItsShardsForReading) {
  const Folder folder;
  write_stream(folder);
  const Corpus corpus = Corpus::open_split(folder.path(), "train", 3, 100);
  EXPECT_EQ(corpus.tokens(), 13);
  EXPECT_EQ(corpus.characters(), 42);
  EXPECT_EQ(corpus.shards().size(), 2);
  std::vector<std::int64_t> range(5);
  corpus.read(6, range);
  EXPECT_THAT(range, ElementsAre(6, 7, 20, 21, 22));
  EXPECT_THROW(corpus.read(9, range), Error);
}

TEST(Corpus, NamesItsTokenizer) {
  const Folder folder;
  write_stream(folder);
  const auto tokenizer = Corpus::open_split(folder.path(), "train", 3, 100).tokenizer();
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->path, folder / "tokenizer.json");
  EXPECT_EQ(tokenizer->kind, "bpe");
  EXPECT_EQ(tokenizer->eos, "<|endoftext|>");
  EXPECT_EQ(tokenizer->eos_id, 0);
}

TEST(Corpus, OpensFoldersOfNanoGptAndLlmc) {
  const Folder nano;
  nano.write("train.bin", packed<std::uint16_t>(counting(0, 9)));
  nano.write("val.bin", packed<std::uint16_t>(counting(50, 5)));
  EXPECT_EQ(Corpus::open_split(nano.path(), "train", 4, 100).size(), 2);
  EXPECT_EQ(Corpus::open_split(nano.path(), "val", 4, 100).size(), 1);
  const auto llmc = [&](std::int64_t first) {
    return test::llmc_header(20240520, 1, 5) + packed<std::uint16_t>(counting(first, 5));
  };
  std::filesystem::create_directories(nano / "llmc");
  nano.write("llmc/web_train_000002.bin", llmc(20));
  nano.write("llmc/web_train_000001.bin", llmc(10));
  nano.write("llmc/web_val_000000.bin", llmc(30));
  nano.write("llmc/interval.bin", llmc(40));
  const Corpus corpus = Corpus::open_split(nano / "llmc", "train", 4, 100);
  std::vector<std::int64_t> all(10);
  corpus.read(0, all);
  EXPECT_THAT(all, ElementsAre(10, 11, 12, 13, 14, 20, 21, 22, 23, 24));
  EXPECT_EQ(Corpus::open_split(nano / "llmc", "val", 4, 100).tokens(), 5);
}

TEST(Corpus, RefusesAChunkLengthOtherThanTheContext) {
  const Folder folder;
  const auto path =
      folder.write("t", AeroFile{.tokens = counting(1, 6), .layout = 1, .chunk = 3}.bytes());
  EXPECT_THAT(
      open_fault<UsageError>(path, "train", 6),
      AllOf(HasSubstr("3 tokens"), HasSubstr("--context 6"), HasSubstr("set model.context to 3")));
}

TEST(Corpus, NamesWhatItLookedFor) {
  const Folder folder;
  EXPECT_THAT(open_fault<UsageError>(folder / "nowhere", "train"), HasSubstr("nowhere"));
  EXPECT_THAT(open_fault<UsageError>(folder.path(), "val"),
              AllOf(HasSubstr("manifest.json"), HasSubstr("val.bin"), HasSubstr("*val*.bin")));
  write_stream(folder);
  EXPECT_THAT(open_fault<UsageError>(folder.path(), "test"),
              AllOf(HasSubstr("no split 'test'"), HasSubstr("train, val")));
  EXPECT_THAT(open_fault<UsageError>(folder.path(), "val"), HasSubstr("no split 'val'"));
}

TEST(Corpus, RefusesADamagedManifest) {
  const Folder folder;
  folder.write("manifest.json", "{\"format\": ");
  EXPECT_THAT(open_fault<Error>(folder.path(), "train"), HasSubstr("damaged manifest"));
  folder.write("manifest.json", R"({"format": "other", "version": 1})");
  EXPECT_THAT(open_fault<Error>(folder.path(), "train"), HasSubstr("not a manifest"));
  folder.write("manifest.json", R"({"format": "aero-corpus", "version": 1})");
  EXPECT_THAT(open_fault<Error>(folder.path(), "train"), HasSubstr("splits"));
}

TEST(Corpus, RefusesShardsThatTheManifestDoesNotDescribe) {
  const Folder folder;
  write_stream(folder);
  folder.write("train-1.tok", AeroFile{.tokens = counting(20, 6)}.bytes());
  EXPECT_THAT(open_fault<Error>(folder.path(), "train"),
              AllOf(HasSubstr("train-1.tok"), HasSubstr("manifest.json")));
  std::filesystem::remove(folder / "train-1.tok");
  EXPECT_THAT(open_fault<Error>(folder.path(), "train"), HasSubstr("train-1.tok"));
}

TEST(Corpus, ChecksTokensOnlyWhenAsked) {
  const Folder folder;
  const auto path = folder.write("train.bin", packed<std::uint16_t>({1, 2, 300, 4}));
  EXPECT_THAT(open_fault<Error>(path, "train"), HasSubstr("token 300"));
  EXPECT_EQ(Corpus::open_split(path, "train", 3, 100, TokenFormat::automatic, false).size(), 1);
}

TEST(Corpus, HasAFingerprintThatChangesWithTheData) {
  const Folder folder;
  write_stream(folder);
  const auto fingerprint = [&] {
    return Corpus::open_split(folder.path(), "train", 3, 100).fingerprint();
  };
  const std::string before = fingerprint();
  EXPECT_EQ(fingerprint(), before);
  folder.write("train-1.tok", AeroFile{.tokens = counting(30, 5), .characters = 12}.bytes());
  EXPECT_NE(fingerprint(), before);
  folder.write("train-1.tok",
               AeroFile{.tokens = counting(20, 5), .characters = 12, .tokenizer = 'x'}.bytes());
  EXPECT_NE(fingerprint(), before);

  const auto raw = [&](std::int64_t first) {
    const auto path = folder.write("raw.bin", packed<std::uint16_t>(counting(first, 9)));
    return Corpus::open_split(path, "train", 3, 100).fingerprint();
  };
  EXPECT_NE(raw(0), raw(1));
}

TEST(Corpus, RefusesToBeShorterThanOneBatch) {
  const Folder folder;
  write_stream(folder);
  const Corpus corpus = Corpus::open_split(folder.path(), "train", 3, 100);
  corpus.require_samples(3);
  EXPECT_THAT(test::message_of<UsageError>([&] { corpus.require_samples(4); }),
              AllOf(HasSubstr("3 samples of 3 tokens"), HasSubstr("4 of one batch")));
  EXPECT_THROW(corpus.batch(std::vector<std::int64_t>{3}), Error);
  EXPECT_EQ(Corpus::open_split(folder.path(), "train", 9, 100).size(), 0);
}

}  // namespace
}  // namespace aero::data
