#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Sets the module choices that an architecture name of the papers stands for. A name says what is
/// kept:
///   SM           softmax attention, or the letter of what stands for it; (t) with a learned
///                temperature for each head and position, (h) for each head
///   +LN          the norms of the blocks, where they have some
///   +G           the FFN's activation, where it has one
///   +...FFN      the FFN's form, where it is not plain and in every block: WN or SN (weight or
///                spectral normalisation of its matrices), Sc (scaled), Fu (fused), then _i<k> (the
///                k deepest are pruned) or _i[1,3] (these layers are)
///   EReg(...)    around the whole: entropy regularisation
/// part_kinds.h has the letters. "SM+LN+G" is the baseline, "SM" the model whose only nonlinearity is softmax,
/// "EReg(SM(t)+ScFuFFN_i6)" the papers' end. A choice that already fits the name (gelu_tanh under
/// G, a raw temperature under SM(t)) is kept; a GELU that comes new is the family's, a temperature
/// that comes new is exp. Throws UsageError that names the unknown part and the nearest known one,
/// or the canonical form.
void apply_architecture(std::string_view name, ModelConfig& config);

/// The canonical name of a config's choices; apply_architecture() of it changes nothing.
std::string architecture_name(const ModelConfig& config);

/// Names to choose from: every norm with every activation, and the papers' steps beyond. The forms
/// combine freely, and every k prunes, so these are not all.
std::vector<std::string> architecture_names();

/// A regular expression that every canonical name matches, for editors.
std::string architecture_pattern();

}  // namespace aero
