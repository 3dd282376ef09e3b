#include "aero/pipeline/sweep.h"

#include "aero/config/notation.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::error_of;

class SweepFile : public ::testing::Test {
 protected:
  SweepFile() {
    testing_support::put(folder_.path() / "base.json",
                         R"({"seed": 7, "model": {"n_layer": 2, "n_head": 2, "d_model": 16}})");
  }

  Sweep parse(const std::string& text) const {
    return parse_sweep(text, folder_.path() / "norms.json");
  }
  std::string fault(const std::string& text) const {
    return error_of([&] { parse(text); });
  }

  testing_support::TemporaryFolder folder_;
};

std::vector<std::string> names(const Sweep& sweep) {
  std::vector<std::string> names;
  for (const Member& member : sweep.members) names.push_back(member.name);
  return names;
}

TEST_F(SweepFile, WithABaseAloneIsTheBaseOnce) {
  const auto sweep = parse(R"({"base": "base.json"})");
  EXPECT_EQ(sweep.name, "norms");
  EXPECT_EQ(sweep.folder, "runs/norms");
  EXPECT_THAT(names(sweep), ElementsAre("base"));
  EXPECT_THAT(sweep.seeds, ElementsAre(7));
  EXPECT_EQ(sweep.members[0].config.model.d_model, 16);
}

TEST_F(SweepFile, TakesArchitecturesByNameAndMembersWithTheirChanges) {
  const auto sweep = parse(R"({
    "$schema": "x", // a comment
    "base": "base.json", "name": "clips", "folder": "out/clips",
    "set": {"train.batch_size": 3},
    "runs": ["SM+G", {"name": "no clip", "set": {"model.architecture": "SM", "train.clip": 0}},],
    "seeds": [1, 2],
    "baseline": "no clip",
  })");
  EXPECT_THAT(names(sweep), ElementsAre("SM+G", "no clip"));
  EXPECT_EQ(sweep.baseline, 1U);
  EXPECT_EQ(architecture_name(sweep.members[0].config.model), "SM+G");
  EXPECT_EQ(sweep.members[0].config.train.clip, 1.0);
  EXPECT_EQ(architecture_name(sweep.members[1].config.model), "SM");
  EXPECT_EQ(sweep.members[1].config.train.clip, 0.0);
  EXPECT_EQ(sweep.members[1].config.train.batch_size, 3);
  EXPECT_EQ(sweep.members[1].changes, (std::vector<Change>{{"model.architecture", "SM", "\"SM\""},
                                                           {"train.clip", "0", "0"}}));
  const auto run = run_config(sweep, sweep.members[1], 2);
  EXPECT_EQ(run.seed, 2);
  EXPECT_EQ(run.run.folder, "out/clips/no-clip/seed-2");
}

TEST_F(SweepFile, CrossesTheGridWithEveryRunAndNamesTheValuesAsWritten) {
  const auto sweep = parse(R"({
    "base": "base.json", "runs": ["SM", "SM+G"],
    "grid": {"optimizer.lr": [1e-3, 0.5], "model.norm_bias": [true, false]}
  })");
  EXPECT_THAT(names(sweep),
              ElementsAre("SM lr=1e-3 norm_bias=true", "SM lr=1e-3 norm_bias=false",
                          "SM lr=0.5 norm_bias=true", "SM lr=0.5 norm_bias=false",
                          "SM+G lr=1e-3 norm_bias=true", "SM+G lr=1e-3 norm_bias=false",
                          "SM+G lr=0.5 norm_bias=true", "SM+G lr=0.5 norm_bias=false"));
  EXPECT_EQ(sweep.members[1].config.optimizer.lr, 0.001);
  EXPECT_FALSE(sweep.members[1].config.model.norm_bias);
  EXPECT_EQ(sweep.members[6].config.optimizer.lr, 0.5);
  EXPECT_TRUE(sweep.members[6].config.model.norm_bias);
}

TEST_F(SweepFile, AMembersChangeWinsOverThatOfAll) {
  const auto sweep = parse(R"({"base": "base.json", "set": {"train.clip": 3},
    "runs": [{"name": "a"}, {"name": "b", "set": {"train.clip": 5}}]})");
  EXPECT_EQ(sweep.members[0].config.train.clip, 3.0);
  EXPECT_EQ(sweep.members[1].config.train.clip, 5.0);
}

TEST_F(SweepFile, ReportsEveryFaultOfItsKeysAtOnce) {
  const auto message = fault(R"({
    "bas": "base.json", "name": "a/b", "folder": 3, "seeds": [1, 1, -2, "x"],
    "set": {"seed": 3, "run.folder": "x", "model": {"norm": "none"}, "train.clip": null},
    "runs": ["SM", "SM", {"nam": "x"}, {"name": "SM+G", "set": 3}, 4],
    "grid": {"train.clip": 1, "optimizer.lr": []},
    "baseline": "SM+R"
  })");
  for (const char* line : {
           "norms.json: bas: \"base.json\": unknown key, did you mean \"base\"?",
           "norms.json: base: is missing",
           "norms.json: name: \"a/b\": names files",
           "norms.json: folder: 3: expected a text, not a number",
           "norms.json: seeds: 1: stands here twice",
           "norms.json: seeds: -2: expected an integer, at least 0",
           "norms.json: seeds: \"x\": expected an integer, at least 0",
           "norms.json: set: seed: 3: belongs in \"seeds\"",
           "norms.json: set: run.folder: \"x\": run folders follow from",
           "norms.json: set: model: {...}: expected the value of one key",
           "norms.json: set: train.clip: null: expected a value",
           "norms.json: runs: \"SM\": two members have this name",
           "norms.json: runs: {...}: this member has no name",
           "unknown key, did you mean \"name\"?",
           "norms.json: runs: \"SM+G\": set: 3: expected {\"section.key\": value}, not a number",
           "norms.json: runs: 4: expected the name of an architecture",
           "norms.json: grid: train.clip: 1: expected a list of values",
           "norms.json: grid: optimizer.lr: []: expected a list of values",
           "norms.json: baseline: \"SM+R\": no member has this name",
       }) {
    EXPECT_THAT(message, HasSubstr(line));
  }
}

TEST_F(SweepFile, RefusesNamesThatShareAFolder) {
  EXPECT_THAT(fault(R"({"base": "base.json", "runs": [{"name": "a b"}, {"name": "a-b"}]})"),
              HasSubstr("runs: \"a-b\": has the folder of \"a b\", a-b; rename one"));
}

TEST_F(SweepFile, RefusesNamesThatNoFileSystemTakes) {
  const std::string name(300, 'x');
  EXPECT_THAT(
      fault(R"({"base": "base.json", "runs": ["SM", {"name": ")" + name + "\"}]}"),
      AllOf(HasSubstr("runs: \"xxx"),
            HasSubstr("its runs would have a name of 300 bytes, where the file system takes "
                      "255; give it a shorter name")));
  EXPECT_THAT(fault(R"({"base": "base.json", "name": ")" + std::string(250, 'n') + "\"}"),
              HasSubstr("its tables would have a name of 271 bytes"));
  std::string deep = "runs";
  for (int i = 0; i < 40; ++i) deep += "/" + std::string(100, 'd');
  EXPECT_THAT(fault(R"({"base": "base.json", "folder": ")" + deep + "\"}"),
              HasSubstr(" bytes, where the file system takes 4095"));
}

TEST_F(SweepFile, RefusesAMemberInThePlaceOfATable) {
  const auto text = fault(R"({"base": "base.json", "runs": ["SM", {"name": "norms.json"},
                              {"name": "norms.aero_papers.md"}, {"name": "norms.x"}]})");
  EXPECT_THAT(text, HasSubstr("runs: \"norms.json\": its folder would be runs/norms/norms.json, "
                              "where a table goes; rename it"));
  EXPECT_THAT(text, HasSubstr("runs: \"norms.aero_papers.md\": its folder"));
  EXPECT_THAT(text, Not(HasSubstr("norms.x")));
}

TEST_F(SweepFile, RefusesAFolderThatIsAFile) {
  const auto taken = folder_.path() / "taken";
  testing_support::put(taken, "");
  EXPECT_THAT(fault(R"({"base": "base.json", "folder": ")" + taken.string() + "\"}"),
              HasSubstr("folder: \"" + taken.string() + "\": '" + taken.string() + "' is a file"));
}

TEST_F(SweepFile, NamesAKeyThatStandsInTheWrongPlace) {
  const auto text = fault(R"({"base": "base.json", "train.clip": 1, "model": {"norm": 1}, "seed": 3,
    "runs": [{"name": "a", "optimizer.lr": 1}], "set": {"runs": 1, "baseline": "a"}})");
  for (const char* line :
       {"norms.json: train.clip: 1: a key of the runs; write it in \"set\"",
        "norms.json: model: {...}: a key of the runs; write it in \"set\"",
        "norms.json: seed: 3: unknown key, did you mean \"seeds\"?",
        "norms.json: runs: \"a\": optimizer.lr: 1: a key of the runs; write it in \"set\"",
        "norms.json: set: runs: 1: is a key of the sweep; write it beside \"base\"",
        "norms.json: set: baseline: \"a\": is a key of the sweep"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(SweepFile, RefusesAMemberWhoseCostsCannotBeCounted) {
  // Each key is in its range.
  EXPECT_THAT(
      fault(R"({"base": "base.json", "runs": ["SM", {"name": "vast",
                "set": {"model.d_model": 1000000, "model.context": 1000000}}]})"),
      AllOf(HasSubstr("norms.json: runs: \"vast\": "), HasSubstr("to be counted in 64 bits")));
}

// What the command line does not name is the file's; a network takes the place of another.
TEST_F(SweepFile, IsChargedByWhatIsAskedForBesideItsOwn) {
  const std::string own = R"({"base": "base.json", "cost": "spu_0.9.5_default_colocated",
                              "network": "wan"})";
  const auto label = [&](const CostChoice& asked) {
    const auto sweep = parse_sweep(own, folder_.path() / "norms.json", asked);
    EXPECT_EQ(sweep.pricings.own.label(), "spu_0.9.5_default_colocated.wan");
    return table_name(sweep.name, sweep.pricings);
  };
  EXPECT_EQ(label({}), "norms");
  EXPECT_EQ(label({.model = "spu_0.9.5_default_colocated", .network = ""}), "norms");
  EXPECT_EQ(label({.model = "", .network = "lan"}), "norms.spu_0.9.5_default_colocated.lan");
  EXPECT_EQ(label({.model = "aero_papers", .network = "none"}), "norms.aero_papers");
  EXPECT_EQ(label({.model = "spu_0.9.5_fast_colocated", .network = ""}),
            "norms.spu_0.9.5_fast_colocated.wan");
}

TEST_F(SweepFile, RefusesAGridOverAKeyThatARunSets) {
  EXPECT_THAT(fault(R"({"base": "base.json", "runs": ["SM"],
                        "grid": {"model.architecture": ["SM", "SM+G"]}})"),
              HasSubstr("grid: model.architecture: [...]: the run \"SM\" sets this key"));
}

TEST_F(SweepFile, RefusesAKeyThatStandsTwice) {
  EXPECT_THAT(fault(R"({"base": "base.json", "base": "base.json"})"),
              HasSubstr("base: \"base.json\": this key stands here twice"));
  EXPECT_THAT(fault(R"({"base": "base.json", "set": {"train.clip": 1, "train.clip": 2}})"),
              HasSubstr("set: train.clip: 2: this key stands here twice"));
}

TEST_F(SweepFile, NamesTheBaseThatIsNotThere) {
  EXPECT_THAT(fault(R"({"base": "nowhere.json"})"),
              HasSubstr("base: \"nowhere.json\": there is no"));
}

TEST_F(SweepFile, ReportsTheFaultsOfOverridesWhereTheyWereSet) {
  const auto message = fault(R"({"base": "base.json", "set": {"train.clipp": 1}, "runs": [
    "SM+H", {"name": "deep", "set": {"model.n_layer": "many"}}, "SM"]})");
  EXPECT_THAT(message, HasSubstr("norms.json: set: train.clipp: 1: unknown key"));
  EXPECT_EQ(message.find("train.clipp"), message.rfind("train.clipp:"));
  EXPECT_THAT(message, HasSubstr("norms.json: runs: \"SM+H\": model.architecture: SM+H: "));
  EXPECT_THAT(message, HasSubstr("norms.json: runs: \"deep\": model.n_layer: many: "));
  EXPECT_THAT(message, Not(HasSubstr("command line")));
}

TEST_F(SweepFile, NamesACostModelThatIsThereWhateverElseIsAskedFor) {
  const auto file = R"({"base": "base.json", "cost": "no_such_model"})";
  EXPECT_THAT(fault(file), HasSubstr("no_such_model"));
  EXPECT_THROW(
      parse_sweep(file, folder_.path() / "norms.json", {.model = "aero_papers", .network = ""}),
      UsageError);
  EXPECT_THROW(parse_sweep(R"({"base": "base.json"})", folder_.path() / "norms.json",
                           {.model = "no_such_model", .network = ""}),
               UsageError);
  EXPECT_THAT(fault(R"({"base": "base.json", "network": "lan"})"), HasSubstr("cost model"));
}

TEST_F(SweepFile, RefusesAMemberThatItsCostModelCannotCharge) {
  testing_support::put(folder_.path() / "softmax_only.json", R"({"name": "softmax_only"})");
  const auto text = fault(R"({"base": "base.json", "cost": ")" +
                          (folder_.path() / "softmax_only.json").string() + "\"}");
  EXPECT_THAT(text, HasSubstr("softmax_only.json"));
}

TEST_F(SweepFile, IsReadByItsPathAndAFaultIsOfUsage) {
  EXPECT_THROW(load_sweep("/nowhere/sweep.json"), UsageError);
  EXPECT_THROW(parse("[1]"), UsageError);
  EXPECT_THROW(parse("{"), UsageError);
  EXPECT_THAT(fault("{\"base\": \"base.json\",,}"), HasSubstr("line 1, column 22"));
}

TEST(Slug, KeepsWhatAFolderCanBeNamed) {
  EXPECT_EQ(slug("EReg(SM(t)+ScFuFFN_i6) gamma=0.1"), "EReg(SM(t)+ScFuFFN_i6)-gamma=0.1");
  EXPECT_EQ(slug("a/b\\c:d\"e"), "a-b-c-d-e");
  EXPECT_EQ(slug(".."), "-.");
  EXPECT_EQ(slug("α"), "--");
}

}  // namespace
}  // namespace aero::pipeline
