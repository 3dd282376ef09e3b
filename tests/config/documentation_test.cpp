#include "aero/config/documentation.h"

#include "aero/config/fields.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace aero {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

/// Compares a generated file with the one in the repository; writes that where
/// AERO_UPDATE_GENERATED is set.
void expect_current(const std::string& file, const std::string& content) {
  const auto path = std::filesystem::path(AERO_SOURCE_DIR) / file;
  if (std::getenv("AERO_UPDATE_GENERATED") != nullptr) write_file(path, content);
  EXPECT_EQ(read_file(path), content)
      << file << " is out of date; run this test with AERO_UPDATE_GENERATED=1";
}

TEST(Documentation, InTheRepositoryIsCurrent) {
  expect_current("docs/config.md", config_markdown());
}

TEST(Schema, InTheRepositoryIsCurrent) {
  expect_current("configs/schema.json", config_schema());
}

TEST(Documentation, ExplainsEveryKeyInATableOfFiveColumns) {
  RunConfig config;
  const std::string text = config_markdown();
  for (const Section& section : describe(config)) {
    for (const Field& field : section.fields) {
      const std::size_t start = text.find("| `" + field.key() + "` |");
      ASSERT_NE(start, std::string::npos) << field.path;
      const std::string row = text.substr(start, text.find('\n', start) - start);
      EXPECT_EQ(std::ranges::count(row, '|'), 6) << row;
      EXPECT_TRUE(field.doc.ends_with('.')) << field.path;
    }
  }
}

TEST(Documentation, ShowsTypeDefaultRangeAndMeaning) {
  EXPECT_THAT(
      config_markdown(),
      HasSubstr("| `n_layer` | integer | `12` | in [1, 10000] | L, the number of blocks. |"));
  EXPECT_THAT(config_markdown(), HasSubstr("| `final_lr` | number | `1e-07` | at least 0 |"));
}

std::string shown(const std::vector<KeyHelp>& keys) {
  std::string text;
  for (const auto& [head, doc] : keys) text += head + "\n    " + doc + "\n";
  return text;
}

TEST(Help, FindsAKeyWithAndWithoutItsSection) {
  for (const char* name : {"model.n_layer", "n_layer"}) {
    const auto keys = config_help(name);
    ASSERT_EQ(keys.size(), 1U) << name;
    EXPECT_THAT(keys[0].head, HasSubstr("model.n_layer (integer, in [1, 10000]; default 12)"));
    EXPECT_EQ(keys[0].doc, "L, the number of blocks.");
  }
}

TEST(Help, NamesTheNearestOfAnUnknownKey) {
  try {
    config_help("model.n_laeyr");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "\"model.n_laeyr\" is not a key or section of the config, did you mean "
                 "\"model.n_layer\"?");
  }
}

TEST(Help, ShowsTheKeysBelowAPrefix) {
  const std::string text = shown(config_help("model.dropout"));
  EXPECT_THAT(text, HasSubstr("model.dropout.embedding (number, in [0, 1); default 0)\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("model.n_layer")));
  EXPECT_THAT(shown(config_help()), HasSubstr("model.n_layer"));
}

/// Every object of the schema, itself included.
void visit_objects(const Json& schema, const std::function<void(const Json&)>& visit) {
  if (schema.at("type") != "object") return;
  visit(schema);
  for (const Json& property : schema.at("properties")) {
    if (property.contains("type") && property.at("type") == "object") {
      visit_objects(property, visit);
    }
  }
}

TEST(Schema, RefusesUnknownKeysEverywhere) {
  int objects = 0;
  visit_objects(Json::parse(config_schema()), [&](const Json& object) {
    EXPECT_EQ(object.at("additionalProperties"), false);
    ++objects;
  });
  EXPECT_EQ(objects, 16);  // the top, run, model with its ereg, norm_fixed, simplified and
                           // dropout, data, train, optimizer with its decay, schedule, eval,
                           // entropy, checkpoint, log
}

/// The paths of the leaves of a tree of objects.
void collect(const Json& tree, const std::string& prefix, std::set<std::string>& paths) {
  for (const auto& [key, value] : tree.items()) {
    if (value.is_object()) {
      collect(value, prefix + key + ".", paths);
    } else {
      paths.insert(prefix + key);
    }
  }
}

void collect_schema(const Json& schema, const std::string& prefix, std::set<std::string>& paths) {
  for (const auto& [key, property] : schema.at("properties").items()) {
    EXPECT_TRUE(property.contains("description")) << prefix + key;
    if (property.contains("properties")) {
      collect_schema(property, prefix + key + ".", paths);
    } else {
      paths.insert(prefix + key);
    }
  }
}

TEST(Schema, HasTheKeysOfTheEffectiveConfigAndThoseOfTheLoader) {
  std::set<std::string> expected{"$schema", "extends", "model.preset"};
  collect(Json::parse(to_json(RunConfig())), "", expected);
  std::set<std::string> paths;
  collect_schema(Json::parse(config_schema()), "", paths);
  EXPECT_EQ(paths, expected);
}

TEST(Schema, HasRangesNamesAndDurations) {
  const Json properties = Json::parse(config_schema()).at("properties");
  const Json& model = properties.at("model").at("properties");
  EXPECT_EQ(model.at("n_layer").at("minimum"), 1);
  EXPECT_EQ(model.at("rotary_fraction").at("exclusiveMinimum"), 0);
  EXPECT_EQ(model.at("rotary_fraction").at("maximum"), 1);
  EXPECT_EQ(model.at("dropout").at("properties").at("residual").at("exclusiveMaximum"), 1);
  EXPECT_EQ(model.at("biases").at("enum"), Json({"all", "none", "qk"}));
  EXPECT_EQ(properties.at("train").at("properties").at("duration").at("type"),
            Json({"string", "integer"}));
}

}  // namespace
}  // namespace aero
