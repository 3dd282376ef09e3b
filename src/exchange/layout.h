#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aero::exchange {

using Weights = std::map<std::string, torch::Tensor>;

/// How the rows of Q, K and V lie in their common matrix.
enum class Joint { none, side_by_side, by_head };

/// A tensor as transformers stores it, and the tensors of AERO's that it consists of.
struct StoredTensor {
  std::string name;                 ///< in a language model: "transformer.h.0.attn.c_attn.weight"
  std::vector<std::string> ours;    ///< one, or those of Q, K and V
  std::vector<std::int64_t> shape;  ///< as stored
  bool is_transposed = false;       ///< a matrix of GPT-2's Conv1D: [in, out]
  Joint joint = Joint::none;
};

/// Lists all tensors of a model, but a tied head, in the order of its layers. Both directions of
/// the exchange go by this list. The config's family is gpt2 or pythia.
std::vector<StoredTensor> stored_tensors(const ModelConfig& config);

/// Returns AERO's tensors, by name, that a stored tensor of the right shape consists of. They share
/// no memory with it.
Weights unpacked(const StoredTensor& entry, const torch::Tensor& stored, const ModelConfig& config);

/// Returns the stored tensor. A bias that the model has not is zero.
torch::Tensor packed(const StoredTensor& entry, const Weights& ours, const ModelConfig& config);

/// Returns the name that a language model of this family has for a tensor of a file: adds the
/// prefix that files of the model without a head lack, and renames an old head. Returns an empty
/// text for buffers that older versions stored and no version reads: masks and rotary frequencies.
std::string name_in_model(Family family, const std::string& name);

/// Returns the name of the head's matrix, whether or not it is tied to the embedding.
std::string_view head_name(Family family);

/// Returns the name of the embedding's matrix.
std::string embedding_name(Family family);

}  // namespace aero::exchange
