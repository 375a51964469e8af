"""What one GPU model is able to do: limits, memory, clocks and the power it draws at rest and at work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuModel:
    """Ratings of one product. Powers in W, temperatures in °C, memory in MiB, clocks in MHz.

    Sources: NVIDIA data sheets of H100 SXM, A100 SXM/PCIe and B200 (TDP, memory, dense BF16 FLOP/s, clocks);
    slowdown temperatures: NVIDIA NVSentinel defaults and the DCGM field guide; idle power: our assumption near
    the idle mode of the Acme traces (Hu et al., NSDI 2024), scaled by TDP.
    """

    name: str
    idle_w: float
    tdp_w: float
    slowdown_c: float
    memory_mib: int
    max_clock_mhz: int
    idle_clock_mhz: int
    mem_clock_mhz: int
    peak_flops: float
    pcie_gen: int
    nvlinks: int
    nvlink_bps: float
    has_mem_temp: bool = True


H100 = GpuModel("NVIDIA H100 80GB HBM3", 72, 700, 89, 81559, 1980, 345, 2619, 989e12, 5, 18, 450e9)
A100 = GpuModel("NVIDIA A100-SXM4-80GB", 60, 400, 92, 81920, 1410, 210, 1593, 312e12, 4, 12, 300e9)
A100_PCIE = GpuModel("NVIDIA A100-PCIE-40GB", 36, 250, 92, 40960, 1410, 210, 1215, 312e12, 4, 0, 0.0, False)
B200 = GpuModel("NVIDIA B200", 140, 1000, 90, 183359, 1965, 120, 3996, 2250e12, 5, 18, 900e9)
MODELS = {model.name: model for model in (H100, A100, A100_PCIE, B200)}
