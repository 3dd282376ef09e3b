#pragma once

#include "aero/core/error.h"
#include "aero/cost/cost_model.h"

#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <string>

namespace aero::cost {

/// A model whose prices are easy to reckon with: a byte a multiply-add, 2 B an element of softmax,
/// 3 B of ReLU, 10 B a token looked up.
inline const std::string own_model = R"json({
  "name": "own", "protocol": "none", "field": "Z", "security": "none", "source": "made up",
  "private": {"temperatures": "server"},
  "constants": {
    "byte": {"value": 1, "unit": "B", "source": "made up"},
    "look_up": {"value": 0.01, "unit": "kB", "source": "made up"},
    "tick": {"value": 1, "unit": "ms", "source": "made up"}
  },
  "primitives": {
    "embedding": {"arguments": ["tokens", "words", "width"], "bytes": "tokens * look_up",
                  "rounds": "1", "seconds": "0", "source": "s"},
    "position": {"arguments": ["tokens", "words", "width"], "bytes": "0", "rounds": "0",
                 "seconds": "0", "source": "s"},
    "matmul_weight": {"arguments": ["m", "k", "n"], "bytes": "work(m * k * n)", "rounds": "2",
                      "seconds": "0", "source": "s"},
    "matmul_activation": {"arguments": ["m", "k", "n"], "bytes": "work(m * k * n)", "rounds": "2",
                          "seconds": "tick", "source": "s"},
    "head": {"arguments": ["tokens", "words", "width"], "bytes": "work(tokens * words * width)",
             "rounds": "2", "seconds": "0", "source": "s"},
    "softmax": {"arguments": ["rows", "columns"], "bytes": "2 * work(rows * columns)",
                "rounds": "5", "seconds": "0", "source": "s"},
    "relu": {"arguments": ["n"], "bytes": "3 * work(n)", "rounds": "3", "seconds": "n * tick",
             "source": "s"},
    "multiply_weight": {"arguments": ["n"], "bytes": "7 * work(n)", "rounds": "1", "seconds": "0",
                        "source": "s"},
    "multiply_constant": {"arguments": ["n"], "bytes": "5 * work(n)", "rounds": "1",
                          "seconds": "0", "source": "s"},
    "work": {"arguments": ["x"], "bytes": "x * byte", "source": "s"}
  }
})json";

/// `text` with `from`, which must stand in it, replaced.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// own_model with some more keys before its end.
inline std::string and_keys(const std::string& keys) {
  return own_model.substr(0, own_model.rfind('}')) + ", " + keys + "}";
}

inline CostModel load(const std::string& text) {
  const testing_support::TemporaryFolder folder;
  const auto file = folder.path() / "own.json";
  testing_support::put(file, text);
  return CostModel::load(file.string());
}

template <class Action>
std::string usage_error(Action action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace aero::cost
