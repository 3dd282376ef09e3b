#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Sets the choices of modules that an architecture name of the papers stands for. A name says what
/// the model keeps:
///   SM           softmax attention, or the letters of its substitute; (t) with a learned
///                temperature for each head and position, (h) for each head
///   +LN          the norms of the blocks, if they have any
///   +G           the FFN's activation, if it has one
///   +...FFN      the FFN's form, unless it is plain and in every block: WN or SN (weight or
///                spectral normalisation of its matrices), Sc (scaled), Fu (fused), then _i<k> (the
///                k deepest are pruned) or _i[1,3] (these layers are)
///   EReg(...)    around the whole: entropy regularisation
/// part_kinds.h has the letters. "SM+LN+G" is the baseline, "SM" the model whose only nonlinearity
/// is softmax, and "EReg(SM(t)+ScFuFFN_i6)" the papers' final model. A choice that already fits the
/// name (gelu_tanh under G, a raw temperature under SM(t)) stays. A new GELU is the family's, a new
/// temperature is exp. Throws UsageError that names the unknown part and the nearest known one, or
/// the canonical form.
void apply_architecture(std::string_view name, ModelConfig& config);

/// Returns the canonical name of a config's choices. Applying that name changes nothing.
std::string architecture_name(const ModelConfig& config);

/// Returns names to choose from: every norm with every activation, and the papers' further steps.
/// There are more names, since forms combine freely and any k can be pruned.
std::vector<std::string> architecture_names();

/// A regular expression that every canonical name matches, for editors.
std::string architecture_pattern();

}  // namespace aero
