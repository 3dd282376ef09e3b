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
/// As those of the config: their products fit into 64 bits.
inline constexpr IntegerRange batch_sizes{.low = 1, .high = 1'000'000};
inline constexpr IntegerRange batch_counts{.low = 0, .high = 1'000'000'000'000};

/// Options whose value is a number, read as config and --set read theirs. `name` is that of the
/// option, "--seed"; what `value` holds is the default, which the help shows. A value that is no
/// number of the range ends the parsing with a UsageError that names the option.
CLI::Option* add_integer(CLI::App& app, const std::string& name, std::int64_t& value,
                         IntegerRange range, const std::string& description);
CLI::Option* add_number(CLI::App& app, const std::string& name, double& value, NumberRange range,
                        const std::string& description);

/// "--layers 1,3", also given several times.
CLI::Option* add_integers(CLI::App& app, const std::string& name, std::vector<std::int64_t>& values,
                          IntegerRange range, const std::string& description);

/// A text that may be given several times, once for each `name`: what follows it on the command
/// line belongs to the next option or is a positional argument.
CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& description);

/// One of `choices`; the message for another names the nearest of them.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& value,
                        const std::vector<std::string>& choices, const std::string& description);

/// Keeps a command from writing over what it reads. Throws UsageError for a file to write whose
/// name does not end in `suffix`.
void require_suffix(const std::string& option, const std::string& file, const std::string& suffix);

}  // namespace aero::cli
