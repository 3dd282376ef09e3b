#pragma once

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/model/decoder.h"
#include "aero/model/initialization.h"

#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>

namespace aero::model {

inline ModelConfig small_gpt2() {
  return {.n_layer = 2, .n_head = 2, .d_model = 8, .context = 12, .vocab_size = 13};
}

inline ModelConfig small_pythia() {
  return {.family = Family::pythia,
          .n_layer = 2,
          .n_head = 2,
          .d_model = 16,
          .context = 12,
          .vocab_size = 13,
          .activation = ActivationKind::gelu,
          .tied_head = false,
          .parallel_residual = true};
}

/// A model for tests that take each of several.
struct NamedModel {
  std::string name;
  ModelConfig config;
};

inline void PrintTo(const NamedModel& model, std::ostream* out) {
  *out << model.name;
}

/// The simplified block, without norms.
inline ModelConfig small_simplified() {
  auto config = small_gpt2();
  apply_family(Family::simplified, config);
  apply_architecture("SM+ScFuFFN_i1", config);
  return config;
}

/// What is left at the end of the method.
inline ModelConfig small_softmax_only() {
  auto config = small_gpt2();
  apply_architecture("EReg(SM(t)+ScFuFFN_i1)", config);
  config.alpha_init = 1;  // of a stronger FFN rows become one-hot at t = 0.01, and hide some tokens
  config.final_norm = false;
  return config;
}

inline ModelConfig small_with(const char* architecture) {
  auto config = small_gpt2();
  apply_architecture(architecture, config);
  return config;
}

inline auto every_kind() {
  return ::testing::Values(NamedModel{"gpt2", small_gpt2()}, NamedModel{"pythia", small_pythia()},
                           NamedModel{"simplified", small_simplified()},
                           NamedModel{"softmax_only", small_softmax_only()});
}

/// In evaluation mode, every parameter with entries of its own: none is 0 or 1 throughout.
inline Decoder make_decoder(const ModelConfig& config, torch::ScalarType dtype = torch::kFloat64) {
  const torch::NoGradGuard no_grad;
  Decoder decoder(config);
  initialize(*decoder, 1);
  decoder->to(torch::kFloat64);
  std::uint64_t seed = 2;
  for (auto& parameter : decoder->parameters()) {
    parameter.add_(0.3 * testing_support::normal(parameter.sizes(), seed++));
  }
  decoder->to(dtype);
  decoder->eval();
  return decoder;
}

/// The same on the tests' device.
inline Decoder make_decoder_there(const ModelConfig& config,
                                  torch::ScalarType dtype = torch::kFloat64) {
  auto decoder = make_decoder(config, dtype);
  decoder->to(testing_support::test_device());
  return decoder;
}

/// [B, T] token ids of small_gpt2() and small_pythia().
inline torch::Tensor make_tokens(std::int64_t batch_size, std::int64_t length) {
  return testing_support::tokens({batch_size, length}, 13, 5);
}

inline torch::Tensor make_tokens_there(std::int64_t batch_size, std::int64_t length) {
  return testing_support::there(make_tokens(batch_size, length));
}

}  // namespace aero::model
