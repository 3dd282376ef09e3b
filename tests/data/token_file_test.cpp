#include "aero/data/token_file.h"

#include "aero/core/error.h"

#include "tests/data/token_bytes.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace aero::data {
namespace {

using test::AeroFile;
using test::Folder;
using test::little_endian;
using test::packed;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> all_tokens(const TokenFile& file) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(file.count()));
  file.read(0, tokens);
  return tokens;
}

std::string open_fault(const std::filesystem::path& path,
                       TokenFormat format = TokenFormat::automatic) {
  return test::message_of<Error>([&] { TokenFile(path, format); });
}

TEST(TokenFile, ReadsAeroFilesOf16And32Bits) {
  const Folder folder;
  AeroFile content{.tokens = {1, 65535, 3}, .vocab_size = 65536, .characters = 50};
  const TokenFile narrow(folder.write("narrow", content.bytes()));
  EXPECT_THAT(all_tokens(narrow), ElementsAre(1, 65535, 3));
  EXPECT_EQ(narrow.header().format, TokenFormat::aero);
  EXPECT_EQ(narrow.header().documents, 3);
  EXPECT_EQ(narrow.header().characters, 50);
  EXPECT_EQ(narrow.header().bytes, 60);
  EXPECT_EQ(narrow.header().tokenizer_sha256, [] {
    std::string hex;
    for (int i = 0; i < 32; ++i) hex += "68";
    return hex;
  }());
  narrow.verify(65536);

  content = {.tokens = {70000, 4294967295, 2}, .width = 4, .vocab_size = 4294967295};
  const TokenFile wide(folder.write("wide", content.bytes()));
  EXPECT_THAT(all_tokens(wide), ElementsAre(70000, 4294967295, 2));
}

TEST(TokenFile, ReadsNanoGptFiles) {
  const Folder folder;
  const TokenFile file(folder.write("train.bin", packed<std::uint16_t>({50256, 0, 7})));
  EXPECT_EQ(file.header().format, TokenFormat::nanogpt);
  EXPECT_THAT(all_tokens(file), ElementsAre(50256, 0, 7));
}

TEST(TokenFile, ReadsLlmcFilesOfGpt2AndLlama3) {
  const Folder folder;
  const TokenFile gpt2(folder.write(
      "a.bin", test::llmc_header(20240520, 1, 3) + packed<std::uint16_t>({50256, 1, 2})));
  EXPECT_EQ(gpt2.header().format, TokenFormat::llmc);
  EXPECT_THAT(all_tokens(gpt2), ElementsAre(50256, 1, 2));
  const TokenFile llama3(folder.write(
      "b.bin", test::llmc_header(20240801, 7, 2) + packed<std::uint32_t>({128000, 9})));
  EXPECT_THAT(all_tokens(llama3), ElementsAre(128000, 9));
}

TEST(TokenFile, ReadsAnyRangeAndRefusesOneBeyondTheEnd) {
  const Folder folder;
  const TokenFile file(folder.write("t", AeroFile{.tokens = {10, 11, 12, 13}}.bytes()));
  std::vector<std::int64_t> two(2);
  file.read(2, two);
  EXPECT_THAT(two, ElementsAre(12, 13));
  EXPECT_THROW(file.read(3, two), Error);
  EXPECT_THROW(file.read(-1, two), Error);
}

TEST(TokenFile, ReadsEveryRangeOf16And32Bits) {
  const Folder folder;
  for (const std::uint32_t width : {2U, 4U}) {
    AeroFile content{.tokens = {}, .width = width, .vocab_size = 65536};
    for (std::int64_t i = 0; i < 37; ++i) content.tokens.push_back(i * 1771 % 65536);
    const TokenFile file(folder.write("t", content.bytes()));
    for (std::size_t begin = 0; begin < 37; ++begin) {
      for (std::size_t end = begin; end <= 37; ++end) {
        std::vector<std::int64_t> part(end - begin);
        file.read(static_cast<std::int64_t>(begin), part);
        EXPECT_TRUE(
            std::ranges::equal(part, std::span(content.tokens).subspan(begin, end - begin)));
      }
    }
    EXPECT_EQ(file.verify(65536), *std::ranges::max_element(content.tokens));
  }
}

TEST(TokenFile, RefusesATokenBeyondTheVocabulary) {
  const Folder folder;
  std::vector<std::int64_t> tokens(200000, 5);
  tokens[150001] = 120;
  const auto path = folder.write("train.bin", packed<std::uint16_t>(tokens));
  const TokenFile file(path);
  file.verify(121);
  EXPECT_THAT(test::message_of<Error>([&] { file.verify(120); }),
              AllOf(HasSubstr(path.string()), HasSubstr("token 120 "), HasSubstr("offset 150001"),
                    HasSubstr("vocabulary of 120")));
}

TEST(TokenFile, RefusesAVocabularyLargerThanTheModels) {
  const Folder folder;
  const TokenFile file(folder.write("t", AeroFile{.tokens = {1}, .vocab_size = 512}.bytes()));
  file.check_vocabulary(512);
  EXPECT_THAT(test::message_of<UsageError>([&] { file.check_vocabulary(511); }),
              AllOf(HasSubstr("512"), HasSubstr("511"), HasSubstr("model.vocab_size")));
}

TEST(TokenFile, RefusesAFileWhoseChecksumFails) {
  const Folder folder;
  std::string bytes = AeroFile{.tokens = {1, 2, 3, 4}}.bytes();
  bytes[130] ^= 1;
  const TokenFile file(folder.write("t", bytes));
  EXPECT_THAT(test::message_of<Error>([&] { file.verify(100); }),
              AllOf(HasSubstr("checksum"), HasSubstr("scripts/prepare_corpus.py")));
}

TEST(TokenFile, RefusesTruncatedAndOverlongFiles) {
  const Folder folder;
  const std::string whole = AeroFile{.tokens = {1, 2, 3, 4}}.bytes();
  const std::string llmc = test::llmc_header(20240520, 1, 2) + packed<std::uint16_t>({1, 2});
  EXPECT_THAT(open_fault(folder.write("a", whole.substr(0, whole.size() - 1))),
              AllOf(HasSubstr("truncated"), HasSubstr("scripts/prepare_corpus.py")));
  EXPECT_THAT(open_fault(folder.write("b", whole + "x")), HasSubstr("over-long"));
  EXPECT_THAT(open_fault(folder.write("c", whole.substr(0, 100))), HasSubstr("truncated"));
  EXPECT_THAT(open_fault(folder.write("d.bin", llmc.substr(0, 1026))), HasSubstr("truncated"));
  EXPECT_THAT(open_fault(folder.write("e.bin", llmc.substr(0, 900))), HasSubstr("truncated"));
  EXPECT_THAT(open_fault(folder.write("f.bin", llmc + "xx")), HasSubstr("over-long"));
}

TEST(TokenFile, RefusesForeignFiles) {
  const Folder folder;
  const std::string repair = "scripts/prepare_corpus.py";
  EXPECT_THAT(open_fault(folder.write("notes.txt", "some words")),
              AllOf(HasSubstr("notes.txt"), HasSubstr("not a token file"), HasSubstr(repair)));
  EXPECT_THAT(open_fault(folder.write("odd.bin", "abc")),
              AllOf(HasSubstr("odd"), HasSubstr(repair)));
  EXPECT_THAT(open_fault(folder.write("empty.bin", "")),
              AllOf(HasSubstr("empty"), HasSubstr(repair)));
  EXPECT_THAT(open_fault(folder.write("x.bin", "abcd"), TokenFormat::aero), HasSubstr("magic"));
  EXPECT_THAT(open_fault(folder.write("y.bin", "abcd"), TokenFormat::llmc), HasSubstr("magic"));
  EXPECT_THAT(open_fault(folder.write("hellaswag.bin", test::llmc_header(20240522, 1, 0))),
              HasSubstr("evaluation file"));
  EXPECT_THAT(open_fault(folder.write("new.bin", test::llmc_header(20240520, 2, 0))),
              HasSubstr("its version is 2"));
  EXPECT_THAT(open_fault(folder / "missing.bin"), HasSubstr("missing.bin"));
}

TEST(TokenFile, NamesTheDamagedFieldOfItsHeader) {
  const Folder folder;
  const std::string whole = AeroFile{.tokens = {1, 2, 3, 4}}.bytes();
  const auto with = [&](std::size_t offset, std::uint32_t value) {
    std::string bytes = whole;
    bytes.replace(offset, 4, little_endian(value));
    return open_fault(folder.write("t", bytes));
  };
  EXPECT_THAT(with(8, 2), HasSubstr("version (this AERO reads 1) is 2"));
  EXPECT_THAT(with(12, 3), HasSubstr("token width (2 or 4) is 3"));
  EXPECT_THAT(with(20, 0xFFFFFFFF), HasSubstr("token count"));
  EXPECT_THAT(with(24, 0), HasSubstr("vocabulary size is 0"));
  EXPECT_THAT(with(28, 2), HasSubstr("layout (0 or 1) is 2"));
  EXPECT_THAT(with(32, 4), HasSubstr("chunk length is 4"));
}

TEST(TokenFile, ReachesTokensBeyondFourGigabytes) {
  const Folder folder;
  const std::uint64_t count = 2'500'000'000;
  std::string header = AeroFile{.tokens = {}, .vocab_size = 60000}.bytes();
  header.replace(16, 8, little_endian(count));
  const auto path = folder.write("huge", header);
  std::filesystem::resize_file(path, 128 + 2 * count);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(128 + 2 * (count - 2)));
    file << packed<std::uint16_t>({51234, 7});
  }
  const TokenFile file(path);
  std::vector<std::int64_t> last(3);
  file.read(static_cast<std::int64_t>(count) - 3, last);
  EXPECT_THAT(last, ElementsAre(0, 51234, 7));
}

TEST(TokenFile, ReadsWhereDocumentsStart) {
  const Folder folder;
  const TokenFile file(folder.write("train.aero", AeroFile{.tokens = {1, 2, 3, 4}}.bytes()));
  const auto index = [&](std::vector<std::int64_t> starts) {
    return "AEROIDX1" + little_endian(std::uint64_t{starts.size()}) + packed<std::uint64_t>(starts);
  };
  EXPECT_THAT(test::message_of<Error>([&] { file.document_starts(); }), HasSubstr("train.idx"));
  folder.write("train.idx", index({0, 2, 3}));
  EXPECT_THAT(file.document_starts(), ElementsAre(0, 2, 3));
  folder.write("train.idx", index({0, 2, 9}));
  EXPECT_THROW(file.document_starts(), Error);
  folder.write("train.idx", index({0, 2}) + "x");
  EXPECT_THROW(file.document_starts(), Error);
  folder.write("train.idx", "something else than an index");
  EXPECT_THROW(file.document_starts(), Error);
}

}  // namespace
}  // namespace aero::data
