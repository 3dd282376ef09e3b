#include "aero/tokenizer/tokenizer.h"

#include "aero/core/error.h"
#include "aero/core/files.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>

namespace aero::tokenizer {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::error_of;
using testing_support::put;
using testing_support::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

// scripts/make_tokenizer_golden.py wrote both files with Hugging Face tokenizers.
json golden(const std::string& name) {
  return json::parse(read_file(AERO_SOURCE_DIR "/tests/golden/tokenizer/" + name));
}

/// The golden tokenizer with parts replaced; "model" is changed key by key.
json patched(const json& patch) {
  json result = golden("tokenizer.json");
  for (const auto& item : patch.items()) {
    if (item.key() == "model") {
      result["model"].update(item.value());
    } else {
      result[item.key()] = item.value();
    }
  }
  return result;
}

Tokenizer load(const json& content) {
  const TemporaryFolder folder;
  put(folder.path() / "tokenizer.json", content.dump());
  return Tokenizer::load(folder.path() / "tokenizer.json");
}

std::string load_fault(const json& patch) {
  return error_of([&] { load(patched(patch)); });
}

std::string from_hexadecimal(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TEST(Tokenizer, EncodesHostileUnicodeAsHuggingFaceDoes) {
  const json expected = golden("expected.json");
  for (const json& variant : expected["variants"]) {
    const Tokenizer tokenizer = load(patched(variant["patch"]));
    for (std::size_t i = 0; i < expected["texts"].size(); ++i) {
      const json& text = expected["texts"][i];
      EXPECT_EQ(tokenizer.encode(text["text"].get<std::string>()), variant["ids"][i].get<Ids>())
          << variant["name"] << ", " << text["name"];
    }
  }
}

TEST(Tokenizer, DecodesAsHuggingFaceDoes) {
  const json expected = golden("expected.json");
  for (const json& variant : expected["variants"]) {
    if (!variant.contains("decoded")) continue;
    const Tokenizer tokenizer = load(patched(variant["patch"]));
    for (std::size_t i = 0; i < variant["ids"].size(); ++i) {
      EXPECT_EQ(tokenizer.decode(variant["ids"][i].get<Ids>()),
                variant["decoded"][i].get<std::string>())
          << variant["name"] << ", " << expected["texts"][i]["name"];
    }
  }
  const Tokenizer tokenizer = load(golden("tokenizer.json"));
  for (const json& one : expected["decode"]) {
    EXPECT_EQ(tokenizer.decode(one["ids"].get<Ids>()), one["all"].get<std::string>());
    EXPECT_EQ(tokenizer.decode(one["ids"].get<Ids>(), true), one["plain"].get<std::string>());
  }
}

TEST(Tokenizer, ReadsBytesThatAreNotUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer = load(golden("tokenizer.json"));
  const json expected = golden("expected.json");
  for (const json& one : expected["broken"]) {
    EXPECT_EQ(tokenizer.encode(from_hexadecimal(one["hex"])), one["ids"].get<Ids>()) << one["hex"];
  }
}

TEST(Tokenizer, ReadsMergesAsStringsToo) {
  json content = golden("tokenizer.json");
  const std::string text = "def function(self):\n    return self.value";
  const Ids expected = load(content).encode(text);
  for (json& merge : content["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  EXPECT_EQ(load(content).encode(text), expected);
}

TEST(Tokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer = load(golden("tokenizer.json"));
  EXPECT_EQ(tokenizer.vocab_size(), 2000);
  EXPECT_EQ(tokenizer.eos(), 0);
  EXPECT_EQ(tokenizer.token_id("<|endoftext|>"), 0);
  EXPECT_EQ(tokenizer.token_id("no such token"), std::nullopt);
  const auto space = tokenizer.token_id("\u0120");
  ASSERT_TRUE(space);
  EXPECT_EQ(tokenizer.token_bytes(*space), " ");
  EXPECT_EQ(tokenizer.token_bytes(0), "<|endoftext|>");
  EXPECT_EQ(tokenizer.token_bytes(2000), "");
  EXPECT_EQ(tokenizer.token_bytes(-1), "");
}

TEST(Tokenizer, CountsTheCharactersOfATextByItsTokens) {
  const Tokenizer tokenizer = load(golden("tokenizer.json"));
  const auto counts = tokenizer.character_counts();
  std::int64_t characters = 0;
  for (const auto id : tokenizer.encode("na\u00efve \u65e5\u672c \U0001F600!")) {
    characters += counts[static_cast<std::size_t>(id)];
  }
  EXPECT_EQ(characters, 5 + 1 + 2 + 1 + 2);
}

json added_token(std::int64_t id, const std::string& content, const json& flags) {
  json token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  token.update(flags);
  return token;
}

TEST(Tokenizer, CountsNoCharactersForWhatStandsForNoText) {
  json content = golden("tokenizer.json");
  content["added_tokens"].push_back(added_token(2000, "<pad>", {{"special", true}}));
  content["added_tokens"].push_back(added_token(2001, "<think>", json::object()));
  const auto counts = load(content).character_counts();
  EXPECT_EQ(counts[0], 0) << "<|endoftext|>";
  EXPECT_EQ(counts[2000], 0);
  EXPECT_EQ(counts[2001], 7) << "found in the text, so it stands for its seven characters";
  content["added_tokens"][0]["special"] = false;
  EXPECT_EQ(load(content).character_counts()[0], 0) << "EOS, whatever its flag";
}

TEST(Tokenizer, CountsTheCharactersOfTheNormalizedText) {
  json content = golden("tokenizer.json");
  content["normalizer"] = {{"type", "NFC"}};
  const Tokenizer tokenizer = load(content);
  const auto counts = tokenizer.character_counts();
  std::int64_t characters = 0;
  for (const auto id : tokenizer.encode("nai\u0308ve")) {
    characters += counts[static_cast<std::size_t>(id)];
  }
  EXPECT_EQ(characters, 5);
}

TEST(Tokenizer, CountsNoCharactersWhereTokensHaveOthersThanTheText) {
  const auto fault = [](const json& content) {
    const Tokenizer tokenizer = load(content);
    return error_of([&] { tokenizer.character_counts(); });
  };
  json spaces = golden("tokenizer.json");
  spaces["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_THAT(fault(spaces), AllOf(HasSubstr("tokenizer.json: "), HasSubstr("add_prefix_space")));

  json removed = golden("tokenizer.json");
  const json split = {{"type", "Split"},
                      {"pattern", {{"String", " "}}},
                      {"behavior", "Removed"},
                      {"invert", false}};
  removed["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", json::array({split, golden("tokenizer.json")["pre_tokenizer"]})}};
  EXPECT_THAT(fault(removed), HasSubstr("Removed"));

  json strips = golden("tokenizer.json");
  strips["added_tokens"].push_back(added_token(2000, "<think>", {{"lstrip", true}}));
  EXPECT_THAT(fault(strips), HasSubstr("'<think>'"));
  strips["added_tokens"].back()["special"] = true;
  EXPECT_EQ(fault(strips), "no error") << "in a corpus its name is text";

  json lacks = golden("tokenizer.json");
  lacks["added_tokens"] = json::array();
  auto& model = lacks["model"];
  model["merges"] = json::array();
  const json all = model["vocab"];
  model["vocab"] = json::object();
  for (const auto& [token, id] : all.items()) {
    if (id <= 256 && token != "A" && token != "B") model["vocab"][token] = model["vocab"].size();
  }
  EXPECT_THAT(fault(lacks), HasSubstr("no token for the byte 65, which texts lose"));
}

TEST(Tokenizer, TakesNoPieceOfTextForTheEndOfText) {
  json content = golden("tokenizer.json");
  content["added_tokens"] = json::array({added_token(0, "<|endoftext|>", json::object())});
  EXPECT_EQ(load(content).eos(), 0);
  content = golden("tokenizer.json");
  auto& model = content["model"];
  model["vocab"] = {{"<", 0}, {"/", 1}, {"s", 2}, {">", 3}, {"</", 4}, {"s>", 5}, {"</s>", 6}};
  content["added_tokens"] = json::array();
  model["merges"] = json::array();
  EXPECT_EQ(load(content).eos(), 6) << "no text becomes this token";
  model["merges"] = {"< /", "s >", "</ s>"};
  content["pre_tokenizer"]["use_regex"] = false;
  EXPECT_EQ(load(content).eos(), std::nullopt) << "a piece of HTML";
  // With a token for each byte.
  const auto vocabulary = golden("tokenizer.json")["model"]["vocab"];
  for (const auto& [token, id] : vocabulary.items()) {
    if (id >= 1 && id <= 256 && !model["vocab"].contains(token)) {
      model["vocab"][token] = model["vocab"].size();
    }
  }
  EXPECT_EQ(load(content).character_counts()[6], 4);
}

// tokenizers 0.23.3 gives these ids.
TEST(Tokenizer, TakesBlanksAlongOnce) {
  const auto ids = [](const json& flags, const std::string& text) {
    json content = golden("tokenizer.json");
    content["added_tokens"].push_back(added_token(2000, " ", flags));
    return load(content).encode(text);
  };
  EXPECT_THAT(ids({{"lstrip", true}, {"rstrip", true}}, "a    b"), ElementsAre(65, 2000, 66));
  EXPECT_THAT(ids({{"lstrip", true}}, "a    b"), ElementsAre(65, 2000, 2000, 2000, 2000, 66));
  EXPECT_THAT(ids({{"rstrip", true}}, "a    b"), ElementsAre(65, 2000, 2000, 2000, 2000, 66));
}

// tokenizers 0.23.3 gives these ids, the second with encode_special_tokens.
TEST(Tokenizer, ReadsTheNameOfASpecialTokenAsTextWhereAsked) {
  json content = golden("tokenizer.json");
  content["added_tokens"].push_back(added_token(2000, "<x>", {{"special", true}}));
  content["added_tokens"].push_back(added_token(2001, "<y>", {{"special", false}}));
  const auto tokenizer = load(content);
  EXPECT_THAT(tokenizer.encode("a<x><y>"), ElementsAre(65, 2000, 2001));
  EXPECT_THAT(tokenizer.encode("a<x><y>", SpecialNames::text), ElementsAre(65, 28, 88, 30, 2001));
}

TEST(Tokenizer, DropsBytesOutsideItsVocabularyAsHuggingFaceDoes) {
  json content = golden("tokenizer.json");
  content["model"]["vocab"] = {{"a", 0}, {"b", 1}};
  content["model"]["merges"] = json::array();
  content["added_tokens"] = json::array();
  EXPECT_THAT(load(content).encode("axb"), ElementsAre(0, 1));
}

// Quadratic work on a megabyte would take minutes.
TEST(Tokenizer, EncodesLongWordsInReasonableTime) {
  const Tokenizer tokenizer = load(golden("tokenizer.json"));
  const auto start = std::chrono::steady_clock::now();
  for (const std::string part : {"a", " ", "ab", "\u0301", "!", "\n", "'s", "0"}) {
    std::string text;
    while (text.size() < 1'000'000) text += part;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(Tokenizer, NamesWhatItDoesNotSupport) {
  EXPECT_THAT(load_fault({{"model", {{"type", "WordPiece"}}}}), HasSubstr("model WordPiece"));
  EXPECT_THAT(load_fault({{"model", {{"byte_fallback", true}}}}), HasSubstr("model.byte_fallback"));
  EXPECT_THAT(load_fault({{"model", {{"unk_token", "a"}, {"vocab", {{"a", 0}}}}}}),
              HasSubstr("model.unk_token"));
  EXPECT_THAT(load_fault({{"model", {{"dropout", 0.1}}}}), HasSubstr("model.dropout = 0.1"));
  EXPECT_THAT(load_fault({{"model", {{"novelty", 1}}}}), HasSubstr("model.novelty"));
  EXPECT_THAT(load_fault({{"normalizer", {{"type", "Lowercase"}}}}), HasSubstr("Lowercase"));
  EXPECT_THAT(load_fault({{"pre_tokenizer", {{"type", "Metaspace"}}}}), HasSubstr("ByteLevel"));
  EXPECT_THAT(load_fault({{"pre_tokenizer", nullptr}}), HasSubstr("pre_tokenizer null"));
  EXPECT_THAT(load_fault({{"decoder", nullptr}}), HasSubstr("decoder null"));
  EXPECT_THAT(load_fault({{"decoder", {{"type", "Metaspace"}}}}), HasSubstr("decoder Metaspace"));
  EXPECT_THAT(load_fault({{"post_processor", {{"type", "BertProcessing"}}}}),
              HasSubstr("post_processor BertProcessing"));
  EXPECT_THAT(load_fault({{"truncation", {{"max_length", 5}}}}), HasSubstr("truncation"));
}

TEST(Tokenizer, RefusesPatternsWhoseMeaningMayDiffer) {
  const auto fault = [](const std::string& pattern) {
    const json split = {{"type", "Split"},
                        {"pattern", {{"Regex", pattern}}},
                        {"behavior", "Isolated"},
                        {"invert", false}};
    const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
    return load_fault(
        {{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}}}});
  };
  EXPECT_THAT(fault(R"(\d{2,}+)"), HasSubstr("second or misplaced quantifier '+'"));
  EXPECT_EQ(fault(R"(\p{L}++|(?<=a)[^\S\n]*+\u00e9)"), "no error");
  EXPECT_THAT(fault(R"(\w+)"), HasSubstr(R"('\w')"));
  EXPECT_THAT(fault(R"(\h)"), HasSubstr(R"('\h')"));
  EXPECT_THAT(fault(R"(\p{Han}+)"), HasSubstr("the property 'Han'"));
  EXPECT_THAT(fault("^a"), HasSubstr("anchor '^'"));
  EXPECT_THAT(fault("[a[bc]]"), HasSubstr("class within a class"));
  EXPECT_THAT(fault("[a-z&&b]"), HasSubstr("intersection"));
  EXPECT_THAT(fault("(?i:ss)"), HasSubstr("ligature"));
  EXPECT_THAT(fault("(?m:a)"), HasSubstr("(?m"));
  EXPECT_THAT(fault("a{,3}"), HasSubstr("'{'"));
  EXPECT_THAT(fault("a*"), HasSubstr("can match nothing"));
  EXPECT_THAT(fault("(a"), HasSubstr("not a regular expression"));
  EXPECT_THAT(fault("[a"), HasSubstr("without its ']'"));
}

TEST(Tokenizer, NamesTheFaultsOfADamagedFile) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& content) {
    const auto path = folder.path() / "t.json";
    put(path, content);
    return error_of([&] { Tokenizer::load(path); });
  };
  EXPECT_THAT(fault("{"), HasSubstr("t.json: not a tokenizer.json"));
  EXPECT_THAT(fault("[1]"), HasSubstr("t.json"));
  EXPECT_THAT(fault("{}"), HasSubstr("t.json"));
  EXPECT_THAT(error_of([&] { Tokenizer::load(folder.path() / "none.json"); }),
              HasSubstr("none.json"));
  EXPECT_THAT(load_fault({{"model", {{"merges", {{"a", "zz"}}}}}}), HasSubstr("'zz'"));
  EXPECT_THAT(load_fault({{"model", {{"merges", {"abc"}}}}}), HasSubstr("merge 'abc'"));
  EXPECT_THAT(load_fault({{"model", {{"vocab", {{"a", -1}}}}}}), HasSubstr("-1 is not an id"));
  EXPECT_THAT(load_fault({{"model", {{"vocab", {{"a", 1}, {"b", 1}}}, {"merges", json::array()}}},
                          {"added_tokens", json::array()}}),
              HasSubstr("two tokens have the id 1"));
  EXPECT_THAT(load_fault({{"added_tokens", {{{"id", 5000}, {"content", "<new>"}}}}}),
              HasSubstr("id 5000, where tokenizers gives it 2000"));
}

}  // namespace
}  // namespace aero::tokenizer
