"""Lists all models of the reference files."""

from __future__ import annotations

from typing import Any

from aero.config.model import ModelConfig, NormFixedConfig
from aero.golden.case import Case, ereg, gpt2, pythia, simplified


def cases() -> list[Case]:
    """Lists all cases; the place in the list is the seed."""
    return [*plain_cases(), *remedy_cases(), *simplified_cases(), *substitute_cases()]


def plain_cases() -> list[Case]:
    """Lists decoders of the nonlinearity ablation."""
    bare = {"norm": "none", "biases": "qk"}
    leaky = bare | {"activation": "leaky_relu"}
    bare_pythia = {"norm": "none", "final_norm": False, "activation": "none"}
    no_bias = {"biases": "none", "norm_bias": False}
    rms = {"norm": "rmsnorm", "norm_bias": False}
    large = {"n_head": 4, "d_model": 16, "vocab_size": 67}
    return [
        Case("gpt2_gelu_tanh", gpt2(**large, positions=20), 3, by_transformers=True),
        Case("gpt2_gelu", gpt2(activation="gelu", vocab_size=97), 2, by_transformers=True),
        Case("gpt2_relu", gpt2(activation="relu"), 2, by_transformers=True),
        Case("pythia_parallel", pythia(), 3, by_transformers=True),
        Case(
            "pythia_sequential",
            pythia(rotary_fraction=1.0, parallel_residual=False),
            2,
            by_transformers=True,
        ),
        Case("authors_relu", gpt2(**bare, activation="relu", positions=24), 3),
        Case("authors_gelu", gpt2(**bare, activation="gelu", positions=24), 2),
        Case("rmsnorm", gpt2(**rms, activation="gelu"), 2),
        Case("leaky_layer", gpt2(**leaky, leaky_slope="layer"), 2),
        Case("leaky_model", gpt2(**leaky, leaky_slope="model"), 2),
        Case("leaky_fixed", gpt2(**leaky, leaky_slope="fixed", leaky_init=0.1), 2),
        Case("no_activation", gpt2(activation="none"), 2),
        Case("no_final_norm", gpt2(**bare, activation="relu", final_norm=False), 2),
        Case("no_biases", gpt2(**no_bias, tied_head=False), 2),
        Case(
            "pythia_bare",
            pythia(**no_bias, **bare_pythia, rotary_fraction=0.5),
            2,
        ),
    ]


def remedy_cases() -> list[Case]:
    """Lists models with what AERO puts in place of norms and activations, and later removes."""
    bare = {"norm": "none", "activation": "none", "final_norm": False}
    scaled = bare | {"ffn_scaled": True}
    fused = scaled | {"ffn_fused": True}
    cooled = {"temperature": "exp"}

    def case(name: str, model: ModelConfig, batch_size: int = 2) -> Case:
        return Case(name, model, batch_size, entropy=True)

    return [
        case("scaled", gpt2(**scaled)),
        case("fused", gpt2(**fused)),
        case("fused_pruned", gpt2(**fused, n_layer=3, ffn_pruned=1)),
        case("pruned_first", gpt2(activation="relu", ffn_pruned_layers=(0,))),
        case("weight_norm", gpt2(**bare, biases="qk", ffn_form="weight_norm")),
        case("spectral_norm", gpt2(**bare, biases="qk", ffn_form="spectral_norm")),
        case(
            "forms",
            gpt2(
                **bare,
                qk_form="weight_norm",
                v_form="spectral_norm",
                o_form="weight_norm",
                ffn_form="spectral_norm",
            ),
        ),
        case(
            "pythia_forms",
            pythia(
                **(fused | {"final_norm": True}),
                n_layer=3,
                ffn_pruned=1,
                qk_form="spectral_norm",
                v_form="weight_norm",
                o_form="spectral_norm",
                ffn_form="weight_norm",
            ),
        ),
        case("temperature_raw", gpt2(**bare, temperature="raw")),
        case(
            "temperature_exp", gpt2(**fused, **cooled, n_head=3, d_model=15, attention_scaled=False)
        ),
        case("temperature_softplus", gpt2(temperature="softplus")),
        case("ereg_mean", gpt2(**fused, **cooled, ereg=ereg("mean", 0.5))),
        case(
            "ereg_row_sum",
            gpt2(**fused, n_head=2, d_model=38, context=24, ereg=ereg("row_sum", 0.01)),
        ),
        case("pythia_ereg", pythia(**fused, **cooled, n_layer=3, ereg=ereg("mean", 0.5))),
    ]


def simplified_cases() -> list[Case]:
    """Lists models of He and Hofmann's block."""
    bare = {"norm": "none", "activation": "none", "norm_bias": True, "final_norm": False}
    pruned = bare | {"ffn_fused": True, "ffn_pruned": 1}
    return [
        Case("simplified", simplified(), 2, entropy=True),
        Case("simplified_bare", simplified(**bare), 2, entropy=True),
        Case("simplified_pruned", simplified(**pruned), 2, entropy=True),
        Case("simplified_parallel", simplified(parallel_residual=True), 2, entropy=True),
        Case(
            "simplified_ereg",
            simplified(**pruned, temperature="softplus", ereg=ereg("mean", 0.5)),
            2,
            entropy=True,
        ),
    ]


def substitute_cases() -> list[Case]:
    """Lists models with other papers' substitutes for softmax, GELU and LayerNorm."""
    fused = {"norm": "none", "activation": "none", "final_norm": False}
    fused |= {"ffn_scaled": True, "ffn_fused": True}
    two_quad = {"attention": "two_quad"}
    per_head = {"temperature": "exp", "temperature_shape": "head"}
    fixed = {"norm": "layernorm_fixed", "activation": "gelu"}

    def case(name: str, model: ModelConfig, **keys: Any) -> Case:
        return Case(name, model, 2, entropy=True, **keys)

    return [
        case("two_quad", gpt2(**two_quad, activation="gelu")),
        case("two_quad_quadratic", gpt2(**two_quad, activation="quadratic")),
        case("two_quad_ereg", gpt2(**fused, **two_quad, **per_head, ereg=ereg("mean", 0.5))),
        case("pythia_two_quad", pythia(**two_quad, two_quad_shift=1.5, temperature="softplus")),
        case("relu_attention", gpt2(attention="relu", activation="gelu")),
        case("temperature_head", gpt2(**fused, **per_head)),
        case("norm_fixed_half", gpt2(**fixed), gate=0.5),
        case(
            "norm_fixed_average",
            gpt2(**fixed, norm_fixed=NormFixedConfig(momentum=0.9)),
            fresh_norms="norm1",
        ),
        case(
            "norm_fixed_linear",
            gpt2(
                attention="relu",
                activation="quadratic",
                norm="layernorm_fixed",
                norm_bias=False,
                temperature="softplus",
                temperature_shape="head",
            ),
            gate=0.0,
        ),
    ]
