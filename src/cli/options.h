#pragma once

#include "aero/core/numbers.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cli {

inline constexpr IntegerRange at_least_one{.low = 1};
inline constexpr IntegerRange not_negative{.low = 0};
inline constexpr IntegerRange job_counts{.low = 1, .high = 10000};
/// The same ranges as in the config: products of such numbers fit into 64 bits.
inline constexpr IntegerRange batch_sizes{.low = 1, .high = 1'000'000};
inline constexpr IntegerRange batch_counts{.low = 0, .high = 1'000'000'000'000};

/// Adds an option whose value is a number, read as in a config. `name` is the option's, "--seed".
/// The present `value` is the default, which the help shows. A value that is not a number of the
/// range ends the parsing with a UsageError that names the option.
CLI::Option* add_integer(CLI::App& app, const std::string& name, std::int64_t& value,
                         IntegerRange range, const std::string& description);
CLI::Option* add_number(CLI::App& app, const std::string& name, double& value, NumberRange range,
                        const std::string& description);

/// Adds an option that takes a list, "--layers 1,3", and may be given several times.
CLI::Option* add_integers(CLI::App& app, const std::string& name, std::vector<std::int64_t>& values,
                          IntegerRange range, const std::string& description);

/// Adds an option that may be given several times, with one text each time. The word after that
/// text belongs to the next option or is a positional argument.
CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& description);

/// Adds an option that takes one of `choices`, which the help shows. The message for another value
/// names the nearest.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& value,
                        const std::vector<std::string>& choices, const std::string& description);

/// Throws a UsageError where the name of a file to write does not end in `suffix`, so that no
/// command overwrites its input by mistake.
void require_suffix(const std::string& option, const std::string& file, const std::string& suffix);

}  // namespace aero::cli
