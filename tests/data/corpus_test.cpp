#include "aero/data/corpus.h"

#include "aero/core/error.h"

#include "tests/data/corpus_files.h"

#include <torch/torch.h>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>

namespace aero::data {
namespace {

using nlohmann::json;
using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

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
              AllOf(HasSubstr("no split 'test'"), HasSubstr("splits here: train")));
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
  const auto trusted = Corpus::open_split(path, "train", 3, 100, TokenFormat::automatic, false);
  EXPECT_EQ(trusted.size(), 1);
  EXPECT_EQ(trusted.vocab_size(), 0);
  const auto fault = [](const auto& use) { return test::message_of<Error>(use); };
  EXPECT_THAT(fault([&] { trusted.batch(std::vector<std::int64_t>{0}); }),
              AllOf(HasSubstr("train.bin: token 300 at offset 2"), HasSubstr("vocabulary of 100")));
  std::vector<std::int64_t> range(2);
  trusted.read(0, range);
  EXPECT_THAT(fault([&] { trusted.read(1, range); }), HasSubstr("token 300 at offset 2"));
}

TEST(Corpus, KnowsHowManyTokensItsVocabularyHas) {
  const Folder folder;
  write_stream(folder);
  EXPECT_EQ(Corpus::open_split(folder.path(), "train", 3, 500).vocab_size(), 100);
  const Folder nano;
  nano.write("train.bin", packed<std::uint16_t>({1, 2, 64, 4}));
  EXPECT_EQ(Corpus::open_split(nano.path(), "train", 3, 500).vocab_size(), 65);
}

TEST(Corpus, NamesAFileThatShrinksWhileItIsInUse) {
  const Folder folder;
  write_stream(folder);
  const Corpus corpus = Corpus::open_split(folder.path(), "train", 3, 100);
  std::filesystem::resize_file(folder / "train-0.tok", 128 + 2 * 4);
  for (const std::int64_t sample : {0, 1}) {
    EXPECT_THAT(test::message_of<Error>([&] { corpus.batch(std::vector<std::int64_t>{sample}); }),
                AllOf(HasSubstr("train-0.tok"), HasSubstr("ends at byte 136")))
        << sample;
  }
}

/// Writes over one byte of a file that a corpus has open.
void expect_noticed(const std::filesystem::path& file, const std::filesystem::path& corpus_path,
                    std::streamoff byte) {
  const Corpus corpus = Corpus::open_split(corpus_path, "train", 3, 100);
  const auto first = [&] { corpus.batch(std::vector<std::int64_t>{0}); };
  const auto touch = [&](int seconds) {
    const auto before = std::filesystem::last_write_time(file);
    std::filesystem::last_write_time(file, before + std::chrono::seconds(seconds));
  };
  touch(1);
  EXPECT_NO_THROW(first());
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(byte);
  stream << "\x07";
  stream.close();
  touch(2);
  EXPECT_THAT(test::message_of<Error>(first),
              AllOf(HasSubstr(file.string()), HasSubstr("other tokens were written into it")));
}

TEST(Corpus, IsReadOnWhereItsFileWasTouchedAndNotWhereItWasWrittenOver) {
  const Folder folder;
  write_stream(folder);
  expect_noticed(folder / "train-0.tok", folder.path(), 36);  // the checksum of all tokens
  write_stream(folder);
  expect_noticed(folder / "train-0.tok", folder.path(), 140);  // a token, under the same header
}

TEST(Corpus, IsReadOnWhereARawFileWasTouchedAndNotWhereItWasWrittenOver) {
  const Folder folder;
  const auto file = folder.write("train.bin", packed<std::uint16_t>(counting(0, 20)));
  expect_noticed(file, file, 20);  // a token
}

/// What llm.c writes: 5 tokens.
std::string llmc_file(std::int64_t first, std::int32_t magic = 20240520) {
  return magic == 20240801
             ? test::llmc_header(magic, 7, 5) + packed<std::uint32_t>(counting(first, 5))
             : test::llmc_header(magic, 1, 5) + packed<std::uint16_t>(counting(first, 5));
}

std::int64_t tokens_of(const std::filesystem::path& path, const std::string& split,
                       TokenFormat format = TokenFormat::automatic) {
  return Corpus::open_split(path, split, 3, 65536, format).tokens();
}

TEST(Corpus, PassesOverHiddenNames) {
  const Folder folder;
  folder.write("web_train_0.bin", llmc_file(10));
  folder.write("web_val_0.bin", llmc_file(20));
  folder.write("._web_train_0.bin", std::string("\0\5\x16\7", 4) + std::string(4092, '\0'));
  folder.write(".web_train_1.bin", llmc_file(30));
  EXPECT_EQ(tokens_of(folder.path(), "train"), 5);
  EXPECT_EQ(tokens_of(folder.path(), "train", TokenFormat::llmc), 5);
}

TEST(Corpus, RefusesAFileOfAnUnknownMagicByName) {
  const Folder folder;
  folder.write("web_train_0.bin", llmc_file(10));
  folder.write("web_val_0.bin", llmc_file(20));
  const auto other = folder.write("web_train_1.bin", llmc_file(30, 20230101));
  for (const char* split : {"train", "val"}) {
    EXPECT_THAT(open_fault<UsageError>(folder.path(), split),
                AllOf(HasSubstr(other.string()), HasSubstr("20230101"), HasSubstr("data.format")));
  }
  EXPECT_THAT(
      test::message_of<Error>([&] { tokens_of(folder.path(), "train", TokenFormat::llmc); }),
      AllOf(HasSubstr(other.string()), HasSubstr("20230101")));
  EXPECT_EQ(tokens_of(folder.path(), "val", TokenFormat::llmc), 5);
  EXPECT_EQ(tokens_of(folder.path(), "val", TokenFormat::nanogpt), 512 + 5);
}

TEST(Corpus, HasOneFormatInAFolder) {
  const auto fault_of = [](const std::string& name, const std::string& bytes) {
    const Folder folder;
    folder.write("train.bin", packed<std::uint16_t>(counting(0, 9)));
    folder.write(name, bytes);
    return open_fault<UsageError>(folder.path(), "train");
  };
  EXPECT_THAT(fault_of("val.bin", llmc_file(5)),
              AllOf(HasSubstr("train.bin is a file of nanoGPT"), HasSubstr("val.bin"),
                    HasSubstr("llm.c"), HasSubstr("data.format")));
  EXPECT_THAT(fault_of("web_val_0.bin", AeroFile{.tokens = {1, 2}}.bytes()), HasSubstr("AERO"));
  EXPECT_THAT(fault_of("web_train_0.bin", llmc_file(5)),
              AllOf(HasSubstr("both fit split 'train'"), HasSubstr("data.format")));
  const Folder two_tokenizers;
  two_tokenizers.write("a_train_0.bin", llmc_file(5));
  two_tokenizers.write("a_train_1.bin", llmc_file(5, 20240801));
  EXPECT_THAT(open_fault<UsageError>(two_tokenizers.path(), "train"),
              AllOf(HasSubstr("20240520"), HasSubstr("20240801")));
  EXPECT_THAT(test::message_of<Error>(
                  [&] { tokens_of(two_tokenizers.path(), "train", TokenFormat::llmc); }),
              HasSubstr("two files come from different tokenizers"));
}

TEST(Corpus, TakesTheGivenFormatWhereTwoLieTogether) {
  const Folder folder;
  write_stream(folder);
  folder.write("train.bin", packed<std::uint16_t>(counting(0, 9)));
  EXPECT_THAT(open_fault<UsageError>(folder.path(), "train"),
              AllOf(HasSubstr("manifest.json"), HasSubstr("train.bin"), HasSubstr("data.format")));
  EXPECT_EQ(tokens_of(folder.path(), "train", TokenFormat::aero), 13);
  EXPECT_EQ(tokens_of(folder.path(), "train", TokenFormat::nanogpt), 9);
  folder.write("web_train_0.bin", llmc_file(5));
  EXPECT_EQ(tokens_of(folder.path(), "train", TokenFormat::nanogpt), 9);
}

TEST(Corpus, PutsNoFileIntoTwoSplits) {
  const Folder folder;
  folder.write("web_train_0.bin", llmc_file(10));
  const auto both = folder.write("train_val_0.bin", llmc_file(20));
  EXPECT_THAT(open_fault<UsageError>(folder.path(), "train"),
              AllOf(HasSubstr(both.string()), HasSubstr("'train' and 'val'")));
  std::filesystem::remove(both);
  std::filesystem::create_symlink("web_train_0.bin", folder / "web_val_0.bin");
  for (const auto format : {TokenFormat::automatic, TokenFormat::llmc}) {
    EXPECT_THAT(
        test::message_of<UsageError>([&] { tokens_of(folder.path(), "train", format); }),
        AllOf(HasSubstr("web_train_0.bin"), HasSubstr("web_val_0.bin"), HasSubstr("one file")));
  }
  const Folder listed;
  write_stream(listed);
  listed.write("manifest.json", manifest_of({{"train", {shard("train-0.tok", 8)}},
                                             {"val", {shard("train-0.tok", 8)}}})
                                    .dump());
  EXPECT_THAT(open_fault<Error>(listed.path(), "train"), HasSubstr("train-0.tok twice"));
}

TEST(Corpus, TakesASingleFileForOneSplit) {
  const Folder folder;
  const auto tok = folder.write("tokens", AeroFile{.tokens = counting(0, 8)}.bytes());
  EXPECT_EQ(tokens_of(tok, "train"), 8);
  EXPECT_THAT(open_fault<UsageError>(tok, "val"),
              AllOf(HasSubstr(tok.string()), HasSubstr("'train'"), HasSubstr("Name a folder")));
  const auto val = folder.write("val-00000.tok", AeroFile{.tokens = counting(0, 8)}.bytes());
  EXPECT_EQ(tokens_of(val, "val"), 8);
  EXPECT_THAT(open_fault<UsageError>(val, "train"), HasSubstr("this one 'val'"));
  const auto raw = folder.write("words.bin", packed<std::uint16_t>(counting(0, 9)));
  EXPECT_THAT(open_fault<UsageError>(raw, "train"), HasSubstr("data.format"));
  EXPECT_EQ(tokens_of(raw, "train", TokenFormat::nanogpt), 9);
}

TEST(Corpus, DistinguishesItsTokenizerFromAnother) {
  const Folder folder;
  const auto identity = [&](char byte) {
    const auto path =
        folder.write("train.tok", AeroFile{.tokens = counting(0, 5), .tokenizer = byte}.bytes());
    return Corpus::open_split(path, "train", 3, 100).tokenizer_identity();
  };
  const auto ours = identity('h');
  tokenizer::require_same(ours, identity('h'), "--flag");
  tokenizer::require_same(ours, identity('\0'), "--flag");  // says nothing
  EXPECT_THAT(
      test::message_of<UsageError>([&] { tokenizer::require_same(ours, identity('i'), "--flag"); }),
      AllOf(HasSubstr("train.tok"), HasSubstr("686868686868"), HasSubstr("696969696969"),
            HasSubstr("--flag")));
  const auto file = folder.write("tokenizer.json", "abc");
  const auto given = tokenizer::identity_of(file);
  EXPECT_EQ(given.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_THAT(given.owner, HasSubstr(file.string()));
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

  const auto raw = [&](const std::vector<std::int64_t>& tokens) {
    const auto path = folder.write("train.bin", packed<std::uint16_t>(tokens));
    return Corpus::open_split(path, "train", 3, 100).fingerprint();
  };
  std::vector<std::int64_t> tokens(3'000'000, 1);
  const auto raw_before = raw(tokens);
  EXPECT_EQ(raw(tokens), raw_before);
  const auto is = [&](const std::string& text) {
    return Corpus::open_split(folder / "train.bin", "train", 3, 100).has_fingerprint(text);
  };
  EXPECT_TRUE(is(raw_before));
  // zlib and hashlib of Python: FNV-1a of the size and the CRC-32 of the first and the last MiB.
  EXPECT_TRUE(is("3000000 tokens in 1 shard, f97f424ae91eaed3"));
  EXPECT_FALSE(is("3000000 tokens in 1 shard, 0123456789abcdef"));
  tokens[1'500'000] = 2;
  EXPECT_NE(raw(tokens), raw_before) << "far from both ends";
}

TEST(Corpus, HasAFingerprintOfBlocksAllOverAFileThatIsLong) {
  const Folder folder;
  const auto path = folder.write("train.bin", "");
  constexpr std::uintmax_t size = 70U << 20U;
  std::filesystem::resize_file(path, size);
  const auto fingerprint = [&] { return Corpus::open_split(path, "train", 3, 100).fingerprint(); };
  std::string before = fingerprint();
  for (const std::uintmax_t block : {0U, 10U, 1023U}) {
    std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(block * (size / 1024) + 8));
    stream << '\x01';
    stream.close();
    const auto after = fingerprint();
    EXPECT_NE(after, before) << block;
    before = after;
  }
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
