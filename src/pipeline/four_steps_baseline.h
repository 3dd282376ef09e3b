#pragma once

#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/member_result.h"
#include "aero/train/signal_watch.h"

#include <filesystem>
#include <optional>
#include <string>

namespace aero::pipeline {

/// Says where the loaded model differs from the one of the base config: "its model.d_model is 64,
/// that of base.json 128". Dropout and initial values may differ. Empty where nothing else does.
/// Throws Error when there is no checkpoint.
std::string baseline_conflict(const FourSteps& plan);

/// Returns FOLDER/baseline.json, which holds the result of the loaded baseline's evaluation.
std::filesystem::path baseline_file(const FourSteps& plan);

/// Returns the loaded baseline with the result of its evaluation in plan.evaluated, or else in that
/// file. Returns nothing where it was not evaluated, or with other weights, on other data, or with
/// other settings of the evaluation.
std::optional<MemberResult> evaluated_baseline(const FourSteps& plan);

/// Evaluates the loaded baseline on the held-out split, as a run of the base config would, and
/// writes the result into plan.evaluated. Returns the signal where one stopped the evaluation.
std::optional<train::Outcome> evaluate_baseline(FourSteps& plan, train::SignalWatch& signals);

}  // namespace aero::pipeline
