#pragma once

#include "aero/config/run_config.h"
#include "aero/cost/flops.h"
#include "aero/cost/memory.h"
#include "aero/cost/operations.h"
#include "aero/cost/parameters.h"
#include "aero/report/private_inference.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::report {

/// The costs of a model, computed from its config alone, without tensors.
struct Report {
  RunConfig config;
  std::string architecture;  ///< canonical, "SM+LN+G"
  cost::Parameters parameters;
  std::int64_t buffers = 0;                   ///< saved with the weights, not trained
  cost::Flops flops;                          ///< one forward pass over one context
  cost::FullFlops prefill_flops;              ///< causal; logits for the last position alone
  cost::FullFlops token_flops;                ///< causal; one position with T - 1 cached ones
  std::int64_t training_flops_per_token = 0;  ///< forward and backward
  std::int64_t training_flops_per_step = 0;   ///< batch_size x accumulation contexts
  std::vector<cost::Operation> operations;    ///< one forward pass over one context
  cost::Memory memory;                        ///< bytes for one batch of train.batch_size contexts
  std::vector<PrivateInference> pi;           ///< one entry for each cost model that was asked for
};

/// Makes a report without `pi`, for a config without faults (find_faults()). Throws UsageError if a
/// count does not fit into 64 bits, or if the model has parts other than AERO's (model.own_parts).
Report make_report(const RunConfig& config);

/// Writes one JSON object. Numbers outside "pi" are integers. Scripts may rely on these names:
///   model       family, architecture, n_layer, n_head, d_model, context, vocab_size
///   parameters  total, embedding, attention, ffn, norm, other
///   flops       paper {ffn, attention}, full {ffn, attention, head, total}
///   operations  softmax, layernorm, gelu, ... (cost/operations.h): [count, rows, columns]
///   memory      weights, optimizer, gradients, activations: bytes
///   pi          for each cost model that was asked for: cost_model, network (null: the cost
///               model's own latency), comm_bytes, rounds, latency_s, by_operation {name: bytes}
/// Further names:
///   pieces             block, attention, ffn, norm and, if the loss has one, entropy_penalty: a
///                      line for people on how each is made
///   forward            every operation of a pass over a whole context, in order: name, primitive,
///                      operand (the kind of the second one), layer, count, shape [m, k, n], folds
///                      (cost/forward_pass.h)
///   buffers            numbers saved with the weights but not trained (spectral normalisation)
///   training           batch_size, accumulation, dtype, tokens_per_step, flops_per_token,
///                      flops_per_step
///   flops.causal       as full, without the masked pairs
///   flops.pointwise    norm, softmax, activation, scale, total: one operation for each step of an
///                      element
///   flops.prefill, flops.one_token: as causal, for generation
///   activation_memory  the parts of memory.activations by the names of cost::Activations: bytes
/// Further names in an entry of pi; null stands for what a cost model does not know:
///   by_layer           {"layer 0": bytes, ...}
///   pass               "whole context", "prefill" or "one token"
///   setup_bytes        once a session, not part of comm_bytes; null if the model has none
///   setup_s            its seconds
///   compute_s          seconds without the network
///   operations         a list of name, primitive, operand, layer, count, shape [m, k, n], bytes,
///                      rounds, compute_s (cost/forward_pass.h)
///   uncharged          {name: why it costs nothing}
///   notes              what a reader must know
///   sensitivity        a list of assumption, comm_bytes, latency_s; empty unless asked for
std::string to_json(const Report& report);

/// Writes the same for people, in tables.
std::string to_markdown(const Report& report);

/// Writes the same, unrounded, as lines of section, name, value, unit. An operation takes three
/// lines: softmax.count, softmax.rows, softmax.columns.
std::string to_csv(const Report& report);

}  // namespace aero::report
