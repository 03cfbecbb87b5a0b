"""The two-dimensional sets of MedMNIST v2 with one label an image, 28x28.

Yang et al., Scientific Data 10, 41 (2023), doi:10.1038/s41597-022-01721-8. Names, classes, counts
and MD5 sums are those of the maintainers' table (`INFO` in `medmnist/info.py`, version 3.0.2).
ChestMNIST is left out: its images have up to fourteen labels. DermaMNIST is CC BY-NC 4.0, all
others CC BY 4.0.
"""

from __future__ import annotations

from dataclasses import dataclass

MIRROR = "https://zenodo.org/records/10519652/files/"
QUERY = "?download=1"

_ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)


@dataclass(frozen=True)
class MedMNIST:
    """A set: `md5` is that of its .npz file, `resaved` are SHA-256 sums of other containers."""

    name: str
    summary: str
    channels: int
    md5: str
    classes: tuple[str, ...]
    resaved: tuple[str, ...] = ()

    @property
    def sums(self) -> tuple[str, ...]:
        """The sums that its file may have, the published one first."""
        return (f"md5:{self.md5}", *(f"sha256:{each}" for each in self.resaved))


MEDMNIST = (
    MedMNIST(
        "pathmnist",
        "107,180 tissues of the colon, 28x28 in colour",
        3,
        "a8b06965200029087d5bd730944a56c1",
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
    ),
    MedMNIST(
        "dermamnist",
        "10,015 lesions of the skin, 28x28 in colour",
        3,
        "0744692d530f8e62ec473284d019b0c7",
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
    ),
    MedMNIST(
        "octmnist",
        "109,309 retinas in section, 28x28",
        1,
        "c68d92d5b585d8d81f7112f81e2d0842",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    MedMNIST(
        "pneumoniamnist",
        "5,856 chest X-rays, 28x28",
        1,
        "28209eda62fecd6e6a2d98b1501bb15f",
        ("normal", "pneumonia"),
    ),
    MedMNIST(
        "retinamnist",
        "1,600 retinas, 28x28 in colour",
        3,
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        ("0", "1", "2", "3", "4"),
    ),
    MedMNIST(
        "breastmnist",
        "780 breast ultrasound images, 28x28",
        1,
        "750601b1f35ba3300ea97c75c52ff8f6",
        ("malignant", "normal, benign"),
        # Saved again by others. Its counts of images and labels are the published ones; its
        # pixels were compared with nothing.
        ("5e68d79723fb3a63a399b0a66b66451799fc2eb3651f469cec0b679cfd743b68",),
    ),
    MedMNIST(
        "bloodmnist",
        "17,092 blood cells, 28x28 in colour",
        3,
        "7053d0359d879ad8a5505303e11de1dc",
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
    ),
    MedMNIST(
        "tissuemnist",
        "236,386 cells of the kidney, 28x28",
        1,
        "ebe78ee8b05294063de985d821c1c34b",
        (
            "collecting duct, connecting tubule",
            "distal convoluted tubule",
            "glomerular endothelial cells",
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
    ),
    MedMNIST(
        "organamnist",
        "58,830 organs, axial, 28x28",
        1,
        "68e3f8846a6bd62f0c9bf841c0d9eacc",
        _ORGANS,
    ),
    MedMNIST(
        "organcmnist",
        "23,583 organs, coronal, 28x28",
        1,
        "b9ceb9546e10131b32923c5bbeaea2b1",
        _ORGANS,
    ),
    MedMNIST(
        "organsmnist",
        "25,211 organs, sagittal, 28x28",
        1,
        "9ab87b696fb54e2a387ebe992d6ed5f1",
        _ORGANS,
    ),
)
