#pragma once

#include "aero/pipeline/four_steps.h"
#include "aero/pipeline/four_steps_file.h"
#include "aero/pipeline/four_steps_replay.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/trained_run.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Run folders written by hand, of a model of 3 layers: what a pipeline makes of them.
class TheFourSteps : public ::testing::Test {
 protected:
  TheFourSteps() {
    testing_support::put(
        folder_.path() / "base.json",
        R"({"seed": 7, "model": {"architecture": "SM+LN+G", "n_layer": 3, "n_head": 2,
            "d_model": 8, "context": 4, "vocab_size": 10, "d_ffn": 24}})");
  }

  FourSteps plan(const std::string& keys = "") const {
    return parse_four_steps(
        R"({"base": "base.json", "folder": ")" + runs().string() + R"(")" +
            (keys.find("\"seeds\"") == std::string::npos ? R"(, "seeds": [1, 2])" : "") + keys +
            "}",
        folder_.path() / "steps.json");
  }

  /// The faults of a plan, a line each.
  std::string faults(const std::string& keys, const std::vector<Override>& overrides = {}) const {
    try {
      parse_four_steps(R"({"base": "base.json")" + keys + "}", folder_.path() / "steps.json",
                       overrides);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path runs() const { return folder_.path() / "runs"; }
  std::filesystem::path run(const std::string& member, int seed) const {
    return runs() / member / ("seed-" + std::to_string(seed));
  }

  void metrics(const std::string& member, int seed, const std::string& text) const {
    for (const int step : {4, 5}) testing_support::save_step(run(member, seed), step);
    testing_support::put(run(member, seed) / "metrics.jsonl", text);
  }

  /// One perplexity for each seed.
  void finished(const std::string& member, const std::vector<double>& perplexities) const {
    for (std::size_t i = 0; i < perplexities.size(); ++i) {
      const nlohmann::json evaluation{
          {"event", "evaluation"}, {"step", 5}, {"loss", std::log(perplexities[i])}};
      metrics(member, static_cast<int>(i) + 1,
              evaluation.dump() +
                  "\n"
                  R"({"event": "finish", "step": 5, "outcome": "finished"})"
                  "\n");
    }
  }

  void diverged(const std::string& member, int seed, int step) const {
    metrics(member, seed,
            R"({"event": "nonfinite", "step": )" + std::to_string(step) +
                R"(, "quantity": "loss", "layer": "blocks.2", "parameter": "", "action": "stop"}
{"event": "finish", "step": 4, "outcome": "nonfinite"}
)");
  }

  /// Up to and with step 2; the scaled model is kept.
  void two_steps_done() const {
    finished("0-SM+LN+G", {50, 50});
    finished("1-SM+G", {60, 60});
    finished("1-SM+R", {56, 56});
    diverged("2-SM", 1, 3);
    diverged("2-SM", 2, 4);
    finished("2-SM+ScFFN", {58, 58});
    finished("2-SM+WNFFN", {59, 59});
    finished("2-SM+SNFFN", {61, 61});
  }

  testing_support::TemporaryFolder folder_;
};

}  // namespace aero::pipeline
